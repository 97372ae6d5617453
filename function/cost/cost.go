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
// keeps in the policy. Source: Cloud Backup, "Billing methods and billable items".
package cost

import (
	"slices"
	"strconv"
	"time"

	"backupportal/function/param"
)

// Prices is a price table. A price of 0 is not known: a line that needs it has no amount.
type Prices struct {
	Currency string    // ISO 4217, such as CNY
	Date     time.Time // when the prices were looked up
	Regions  []string  // where they hold; nil: everywhere
	Owner    param.Text
	Reason   param.Text

	Snapshot float64 // snapshots, for each GiB and month
	Vault    float64 // storage in a vault, for each GiB and month
	Software float64 // software fee, for each instance and month
	Traffic  float64 // copy to another region, for each GiB once
}

// Month is the number of days for which a monthly price holds.
const Month = 30

// A Line is one billable item.
type Line struct {
	For    param.Text
	Region string  // where it is billed
	Sized  bool    // it is billed by size
	GiB    int64   // at most; 0: not known, or not billed by size
	Days   int64   // 0: once
	Amount float64 // valid if Priced
	Priced bool
}

// An Estimate lists what a backup will be billed for.
type Estimate struct {
	Lines  []Line
	Total  float64
	Priced bool    // all lines have an amount
	Prices *Prices // nil: no amounts
}

// Of returns the estimate for a call with these complete parameters. gib is the size of the data that is
// backed up; 0 means not known. prices may be nil.
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

// software adds the fee for the instance or client.
func (e *Estimate) software(region string, days int64) {
	e.add(Line{For: param.Both("Software fee", "软件使用费"), Region: region, Days: days},
		float64(days)/Month*e.Prices.price(region).Software)
}

// stored adds a line for data that is kept for days.
func (e *Estimate) stored(what param.Text, region string, gib, days int64, price float64) {
	e.add(Line{For: what, Region: region, Sized: true, GiB: gib, Days: days}, float64(gib)*float64(days)/Month*price)
}

// add adds a line. An amount of 0 means that a price or a size is not known.
func (e *Estimate) add(l Line, amount float64) {
	if amount > 0 {
		l.Amount, l.Priced = amount, true
		e.Total += amount
	}
	e.Lines = append(e.Lines, l)
}

// price returns the prices in a region. They are 0 where the table does not hold, and for nil.
func (p *Prices) price(region string) Prices {
	if p == nil || p.Regions != nil && !slices.Contains(p.Regions, region) {
		return Prices{}
	}
	return *p
}

// number reads a number of days; it returns 0 if text is none, or if the backup is kept for ever.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return max(n, 0)
}
