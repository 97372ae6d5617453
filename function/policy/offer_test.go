package policy

import (
	"reflect"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/param"
)

func TestAccounts(t *testing.T) {
	p := mustLoad(t, base)
	var aliases []string
	for _, a := range p.Accounts(alice, backup.ActionCreate) {
		aliases = append(aliases, a.Alias)
	}
	if want := []string{"sandbox", "prod"}; !reflect.DeepEqual(aliases, want) {
		t.Errorf("accounts %v, want %v", aliases, want)
	}
	unnamed := mustLoad(t, change(t, base, "accounts: [sandbox, idle]\n    regions: [cn-hangzhou, cn-beijing]", "accounts: [prod]\n    regions: [cn-hangzhou]"))
	if got := unnamed.Accounts(alice, backup.ActionCreate); len(got) != 1 || got[0].Alias != "prod" {
		t.Errorf("accounts %v, want prod alone", got)
	}
}

func TestRegions(t *testing.T) {
	p := mustLoad(t, base)
	for alias, want := range map[string][]string{
		"prod":    {"cn-hangzhou"}, // the account has cn-shanghai too, but no rule names it
		"sandbox": {"cn-hangzhou"},
		"idle":    nil,
		"nobody":  nil,
	} {
		if got := p.Regions(alice, alias); !reflect.DeepEqual(got, want) {
			t.Errorf("Regions(%s) = %v, want %v", alias, got, want)
		}
	}
}

func TestOffer(t *testing.T) {
	long := "id: long\n    teams: [payments]\n    actions: [backup.view, backup.create]\n    any_vault: true\n    accounts: [prod]\n    regions: [cn-hangzhou]\n    source_types: [UDM_ECS, ECS_FILE]\n" +
		"    instances: [i-web2, i-web3]\n    retention_days: {min: 1, max: 90}\n    scripts: [/opt/backup/pre.sh, /opt/x.sh]\n  - id: short"
	p := mustLoad(t, change(t, base, "id: short", long))
	reason := param.Text{En: "Snapshots cost money", Zh: "快照会产生费用"}
	owner := param.Text{En: "platform team", Zh: "platform team"}
	for source, want := range map[param.SourceType]Offer{
		param.UDMECS: {
			Granted: true, Instances: []string{"i-web1", "i-web2", "i-web3"},
			Scripts: []string{"/opt/backup/pre.sh", "/opt/backup/post.sh", "/opt/x.sh"}, CopyRegions: []string{"cn-shanghai"},
			RetentionMin: 1, RetentionMax: 90,
			Lines:     []Line{{"payments-prod", 2, 30, reason, owner}, {"long", 1, 90, param.Text{}, param.Text{}}},
			CopyLines: []Line{{"payments-prod", 3, 20, reason, owner}},
		},
		param.ECSFile: {
			Granted: true, Instances: []string{"i-web2", "i-web3"}, AnyInstance: true, RetentionMin: 1, RetentionMax: 90,
			Lines: []Line{{Rule: "long", Min: 1, Max: 90}, {Rule: "short", Min: 1, Max: 7}},
		},
		param.Container: {
			Granted: true, Clusters: []string{"cc-0001"}, RetentionMin: 1, RetentionMax: 7,
			Lines: []Line{{Rule: "short", Min: 1, Max: 7}},
		},
		"NAS": {},
	} {
		if got := p.Offer(alice, source); !reflect.DeepEqual(got, want) {
			t.Errorf("Offer(%s)\n got %+v\nwant %+v", source, got, want)
		}
	}
}

func TestOfferOmitsDisabledAccounts(t *testing.T) {
	p := mustLoad(t, change(t, base, "accounts: [sandbox, idle]\n    regions: [cn-hangzhou, cn-beijing]", "accounts: [idle]\n    regions: [cn-beijing]"))
	if got := p.Offer(alice, param.Container); got.Granted {
		t.Errorf("offered: %+v", got)
	}
}

// TestOffersShareNoMemory proves that a caller can change an Offer without changing the policy
// or the next Offer.
func TestOffersShareNoMemory(t *testing.T) {
	p := mustLoad(t, base)
	p.Offer(alice, param.UDMECS).Instances[0] = "i-other"
	p.Regions(alice, "prod")[0] = "cn-other"
	if got := p.Offer(alice, param.UDMECS).Instances[0]; got != "i-web1" {
		t.Errorf("the first instance became %s", got)
	}
	if got := p.Regions(alice, "prod")[0]; got != "cn-hangzhou" {
		t.Errorf("the first region became %s", got)
	}
}
