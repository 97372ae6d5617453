// Package cost estimates what a backup will be billed.
//
// The lines of an estimate follow the vendor's billable items:
//
//	source     lines
//	UDM_ECS    snapshots, software fee; with a copy: traffic, snapshots in the other region
//	ECS_FILE   storage in the vault, software fee
//	CONTAINER  storage in the vault, software fee
//
// A line has the largest size that can be stored: snapshots and vaults hold changed and compressed
// data only, so a bill is usually lower. Amounts need a price table ([Prices]), which the operator
// keeps in the policy (key prices). Source: Cloud Backup, "Billing methods and billable items".
package cost

import (
	"slices"
	"strconv"
	"time"

	"backupportal/function/param"
)

// Prices is a price table. A price of 0 means "unknown": a line that needs this price has no
// amount.
type Prices struct {
	Currency string     // ISO 4217, such as CNY
	Date     time.Time  // the day on which the prices were looked up
	Regions  []string   // regions in which the prices hold; nil means all
	Owner    param.Text // who maintains the table; empty if the policy does not say
	Reason   param.Text // a remark for readers, such as a discount; may be empty

	Snapshot float64 // snapshots, per GiB and month
	Vault    float64 // storage in a vault, per GiB and month
	Software float64 // software fee, per instance or client and month
	Traffic  float64 // copy to another region, per GiB, once
}

// Month is the number of days for which a monthly price is paid.
const Month = 30

// A Line is one item that the vendor will bill for a backup, such as snapshots of a size for a
// number of days.
type Line struct {
	For    param.Text // the billed item, such as "Snapshots"
	Region string     // where it is billed
	Sized  bool       // it is billed by size
	GiB    int64      // largest possible size; 0 if it is not known, or if the item is not billed by size
	Days   int64      // how long it is billed; 0 means that it is billed once
	Amount float64    // amount in the currency of the prices; valid if Priced
	Priced bool       // the price and the size are known, so there is an amount
}

// An Estimate lists what a backup will be billed for.
type Estimate struct {
	Lines  []Line
	Total  float64 // sum of the lines with an amount
	Priced bool    // all lines have an amount
	Prices *Prices // the price table of the amounts; nil means that there are no amounts
}

// Of estimates the cost of one backup. p are its parameters, with defaults
// ([param.Params.WithDefaults]). gib is the size of the data in GiB; 0 means unknown. Without
// prices, or for a region that is not in their Regions, the lines have no amounts.
func Of(p param.Params, gib int64, prices *Prices) Estimate {
	e := Estimate{Prices: prices}
	region, days := p["Region"], number(p["Retention"])
	if p.SourceType() == param.UDMECS {
		e.stored(param.Both("Snapshots", "快照存储"), region, gib, days, prices.price(region).Snapshot)
		e.software(region, days)
		if p["Detail.doCopy"] == "true" {
			to := p["Detail.destinationRegionId"]
			e.add(Line{For: param.Both("Traffic of the copy", "副本跨地域流量"), Region: to, Sized: true, GiB: gib},
				float64(gib)*prices.price(region).Traffic)
			e.stored(param.Both("Copy", "副本存储"), to, gib, number(p["Detail.destinationRetention"]), prices.price(to).Snapshot)
		}
	} else {
		e.stored(param.Both("Storage in the vault", "备份库存储"), region, gib, days, prices.price(region).Vault)
		e.software(region, days)
	}
	e.Priced = prices != nil && !slices.ContainsFunc(e.Lines, func(l Line) bool { return !l.Priced })
	return e
}

// software adds the software fee, which is per instance or client and not per GiB.
func (e *Estimate) software(region string, days int64) {
	e.add(Line{For: param.Both("Software fee", "软件使用费"), Region: region, Days: days},
		float64(days)/Month*e.Prices.price(region).Software)
}

// stored adds a line for gib of data that is kept for a number of days. price is per GiB and month.
func (e *Estimate) stored(what param.Text, region string, gib, days int64, price float64) {
	e.add(Line{For: what, Region: region, Sized: true, GiB: gib, Days: days}, float64(gib)*float64(days)/Month*price)
}

// add adds a line. An amount of 0 means that a price or a size is unknown; the line then has no
// amount.
func (e *Estimate) add(l Line, amount float64) {
	if amount > 0 {
		l.Amount, l.Priced = amount, true
		e.Total += amount
	}
	e.Lines = append(e.Lines, l)
}

// price returns the prices of a region. All are 0 if p is nil or does not contain the region.
func (p *Prices) price(region string) Prices {
	if p == nil || p.Regions != nil && !slices.Contains(p.Regions, region) {
		return Prices{}
	}
	return *p
}

// number reads a number of days. It returns 0 for a text that is not a number, and for a negative one.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return max(n, 0)
}
