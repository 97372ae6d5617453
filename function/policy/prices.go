package policy

import (
	"strconv"
	"time"

	"backupportal/function/cost"
)

// Forms of the values of a price table.
var (
	currencyShape = shape{`[A-Z]{3}`, "the currency in three capital letters, such as CNY"}
	dateShape     = shape{`20[0-9]{2}-[0-9]{2}-[0-9]{2}`, "a date in quotes, such as \"2026-10-01\""}
	priceShape    = shape{`(0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?`, "a price above 0, such as 0.12"}
)

// Prices returns the price table of the policy file (key prices), or nil if there is none. It
// must not be changed.
func (p *Policy) Prices() *cost.Prices { return p.prices }

// priceTable reads the key prices. It returns nil if the file does not have the key.
func (l *loader) priceTable(p place) *cost.Prices {
	if p.node == nil {
		return nil
	}
	m := l.mapping(p, []string{"currency", "date"}, []string{
		"regions", "owner", "reason", "snapshot_storage", "vault_storage", "software_fee", "copy_traffic",
	})
	t := &cost.Prices{
		Currency: l.shaped(m["currency"], currencyShape),
		Regions:  list(l, m["regions"], l.region),
		Owner:    l.either(m["owner"]),
		Reason:   l.either(m["reason"]),
		Snapshot: l.price(m["snapshot_storage"]),
		Vault:    l.price(m["vault_storage"]),
		Software: l.price(m["software_fee"]),
		Traffic:  l.price(m["copy_traffic"]),
	}
	if text := l.shaped(m["date"], dateShape); m["date"].node != nil && !l.refused[m["date"].node] {
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			l.wrong(m["date"], "%q is no day of the calendar: write the day when the prices were looked up", text)
		}
		t.Date = day
	}
	if len(l.problems) == 0 && t.Snapshot+t.Vault+t.Software+t.Traffic == 0 {
		l.wrong(p, "has no price: add snapshot_storage, vault_storage, software_fee or copy_traffic, or remove the key")
	}
	return t
}

// price reads a decimal number above 0. It returns 0 if the key is missing or has a problem.
func (l *loader) price(p place) float64 {
	if p.node == nil {
		return 0
	}
	n, err := strconv.ParseFloat(p.node.Value, 64)
	if p.node.Style != 0 || !priceShape.fits(p.node.Value) || err != nil || n <= 0 {
		l.wrong(p, "write %s, without quotes", priceShape.words)
		return 0
	}
	return n
}
