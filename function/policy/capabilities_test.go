package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// TestThrough tests the key through of an account in the policy file, which names the account
// whose role calls Cloud Backup. The value must be the alias of an earlier account with the
// access assume_role.
func TestThrough(t *testing.T) {
	with := func(line string) string {
		return change(t, base, "    role: hbrcrossrole\n", "    role: hbrcrossrole\n"+line)
	}
	p := mustLoad(t, with("    through: prod\n"))
	a, _ := p.Account("idle")
	if a.Through == nil || a.Through.Alias != "prod" || a.Caller().RoleARN() != "acs:ram::1234567890123456:role/portal-backup" || a.Caller().ExternalIDVariable != "EXTERNAL_ID_PROD" {
		t.Errorf("%+v", a)
	}
	own, _ := p.Account("sandbox")
	if own.Caller().Alias != "sandbox" {
		t.Errorf("%+v", own.Caller())
	}
	same := strings.Replace(with("    through: prod\n"), "3234567890123456", "1234567890123456", 1)
	for says, text := range map[string]string{
		"no account before this one": with("    through: nowhere\n"), "has access: own": with("    through: sandbox\n"), "before this one": with("    through: idle\n"),
		"has no effect with access: own": change(t, base, "    access: own\n", "    access: own\n    through: prod\n"), "is the same account": same,
	} {
		if _, err := Load([]byte(text), environment); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

// TestCapabilities proves that the capabilities of an account (the operations that the portal
// needs there) include those of all rules that name the account, for any team.
func TestCapabilities(t *testing.T) {
	p := mustLoad(t, base)
	if u := p.Capabilities("prod"); !u.Create || !u.Cancel || !u.View || u.Tags || !slices.Contains(u.Sources, param.UDMECS) {
		t.Errorf("prod: %+v", u)
	}
	if u := p.Capabilities("idle"); !u.Create || u.Cancel || slices.Contains(u.Sources, param.UDMECS) || len(u.Sources) != 2 {
		t.Errorf("idle: %+v", u)
	}
	who := identity.Principal{Kind: identity.KindSource, Subject: "ci"}
	for _, c := range []struct {
		alias, region string
		want          bool
	}{{"prod", "cn-hangzhou", true}, {"prod", "cn-beijing", false}, {"idle", "cn-beijing", false}, {"nowhere", "cn-hangzhou", false}} {
		if got := p.MayInRegion(who, backup.ActionCreate, c.alias, c.region); got != c.want {
			t.Errorf("%s %s: %v", c.alias, c.region, got)
		}
	}
	if p.MayInRegion(identity.Principal{Kind: identity.KindHuman, Issuer: sso, Subject: "9"}, backup.ActionCreate, "prod", "cn-hangzhou") {
		t.Error("a stranger reaches an account")
	}
}

// TestSessionBounds proves that a policy is refused if the duration of a role's session is
// outside the limits of STS.
func TestSessionBounds(t *testing.T) {
	role := "    role: portal-backup\n"
	p := mustLoad(t, change(t, base, role, role+"    session: 1h\n"))
	if a, _ := p.Account("prod"); a.Session != time.Hour {
		t.Errorf("%v", a.Session)
	}
	for says, text := range map[string]string{
		"write a time from 15 minutes to 12 hours": change(t, base, role, role+"    session: 14m\n"),
		"and at most the maximum of the role":      change(t, base, role, role+"    session: 13h\n"),
		"has no effect with access: own":           change(t, base, "    access: own\n", "    access: own\n    session: 1h\n"),
		"is not valid":                             change(t, base, role, role+"    session: \"3600\"\n"),
	} {
		if _, err := Load([]byte(text), environment); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}
