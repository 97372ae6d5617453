package policy

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// BenchmarkDecide measures Decide, and May for the action view, with 1,000 rules for one team and one
// account. The rules name instances by id, by prefix or by tag. In one case the last rule allows the
// backup, in the other no rule does.
func BenchmarkDecide(b *testing.B) {
	head := base[:strings.Index(base, "rules:")]
	for name, instance := range map[string]string{"listed": "instances: [i-%04d]", "by prefix": "instance_prefixes: [i-%04d]", "by tags": "instance_tags: {machine: i-%04d}"} {
		text := head + "rules:\n"
		for i := range 1000 {
			text += fmt.Sprintf("  - {id: r%d, teams: [payments], actions: [backup.create, backup.view], accounts: [prod], regions: [cn-hangzhou], "+
				"source_types: [UDM_ECS], "+instance+", retention_days: {min: 1, max: 7}}\n", i, i)
		}
		p, err := Load([]byte(text), environment)
		if err != nil {
			b.Fatal(err)
		}
		p = p.Tagged(func(_ context.Context, _ backup.Target, ids []string) (map[string]map[string]string, error) {
			return map[string]map[string]string{ids[0]: {"machine": ids[0]}}, nil
		}, func() time.Time { return time.UnixMilli(0) }) // read once, then cached: the clock stands still
		for outcome, id := range map[string]string{"allowed": "i-0999", "denied": "i-none"} {
			params := param.Params{"Account": "prod", "Region": "cn-hangzhou", "SourceType": "UDM_ECS", "InstanceId": id, "Retention": "7"}
			b.Run(name+" "+outcome, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if grant, _ := p.Decide(b.Context(), alice, params); (grant.Rule != "") != (outcome == "allowed") {
						b.Fatal(grant)
					}
				}
			})
			b.Run(name+" "+outcome+" viewing", func(b *testing.B) {
				for b.Loop() {
					if p.May(b.Context(), alice, backup.ActionView, params) != (outcome == "allowed") {
						b.Fatal("wrong")
					}
				}
			})
		}
	}
}
