package cost_test

import (
	"fmt"
	"testing"

	"backupportal/function/cost"
	"backupportal/function/param"
)

// TestEstimate proves which lines the estimate for each type of backup has, with their sizes,
// days and amounts.
func TestEstimate(t *testing.T) {
	prices := &cost.Prices{Currency: "CNY", Snapshot: 0.12, Software: 6, Traffic: 0.3, Vault: 0.2}
	copied := param.Params{"Region": "cn-hangzhou", "Retention": "90", "Detail.doCopy": "true", "Detail.destinationRegionId": "cn-shanghai", "Detail.destinationRetention": "30"}
	for name, c := range map[string]struct {
		params param.Params
		gib    int64
		prices *cost.Prices
		want   string
	}{
		"instance with a copy": {copied, 140, prices, "Snapshots cn-hangzhou 140 90 50.40; Software fee cn-hangzhou 0 90 18.00; Traffic of the copy cn-shanghai 140 0 42.00; Copy cn-shanghai 140 30 16.80; total 127.20"},
		"without prices":       {copied, 140, nil, "Snapshots cn-hangzhou 140 90 ?; Software fee cn-hangzhou 0 90 ?; Traffic of the copy cn-shanghai 140 0 ?; Copy cn-shanghai 140 30 ?; no total"},
		"size not known":       {param.Params{"Region": "cn-hangzhou", "Retention": "30"}, 0, prices, "Snapshots cn-hangzhou 0 30 ?; Software fee cn-hangzhou 0 30 6.00; no total"},
		"prices elsewhere": {copied, 140, &cost.Prices{Regions: []string{"cn-hangzhou"}, Snapshot: 0.12, Software: 6, Traffic: 0.3},
			"Snapshots cn-hangzhou 140 90 50.40; Software fee cn-hangzhou 0 90 18.00; Traffic of the copy cn-shanghai 140 0 42.00; Copy cn-shanghai 140 30 ?; no total"},
		"files":   {param.Params{"SourceType": "ECS_FILE", "Region": "cn-hangzhou", "Retention": "30"}, 0, prices, "Storage in the vault cn-hangzhou 0 30 ?; Software fee cn-hangzhou 0 30 6.00; no total"},
		"volumes": {param.Params{"SourceType": "CONTAINER", "Region": "cn-hangzhou", "Retention": "15"}, 28, prices, "Storage in the vault cn-hangzhou 28 15 2.80; Software fee cn-hangzhou 0 15 3.00; total 5.80"},
	} {
		e := cost.Of(c.params.WithDefaults(), c.gib, c.prices)
		got := ""
		for _, l := range e.Lines {
			amount := "?"
			if l.Priced {
				amount = fmt.Sprintf("%.2f", l.Amount)
			}
			got += fmt.Sprintf("%s %s %d %d %s; ", l.For.En, l.Region, l.GiB, l.Days, amount)
		}
		if e.Priced {
			got += fmt.Sprintf("total %.2f", e.Total)
		} else {
			got += "no total"
		}
		if got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
}
