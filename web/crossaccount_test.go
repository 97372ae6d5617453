package web_test

import (
	"regexp"
	"strings"
	"testing"
)

// TestCrossAccountParametersNameAnAccountOfThePolicy proves that the portal accepts the API's
// own cross-account parameters only if they describe an account of the policy. The account
// alias is optional (CD-1). A hidden account gets the same answer as a missing account (threat
// T11).
func TestCrossAccountParametersNameAnAccountOfThePolicy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		says string
		want int
	}{
		"by its own names":  {`"CrossAccountType":"CROSS_ACCOUNT","CrossAccountUserId":2000000000000002,"CrossAccountRoleName":"hbrcrossrole"`, 201},
		"beside its alias":  {`"Account":"payments-central","CrossAccountType":"CROSS_ACCOUNT","CrossAccountUserId":2000000000000002,"CrossAccountRoleName":"hbrcrossrole"`, 201},
		"the ID alone":      {`"Account":"payments-central","CrossAccountUserId":2000000000000002`, 201},
		"another ID":        {`"Account":"payments-central","CrossAccountUserId":2000000000000003`, 422},
		"another role":      {`"Account":"payments-central","CrossAccountRoleName":"admin"`, 422},
		"of another alias":  {`"Account":"payments","CrossAccountUserId":2000000000000002,"CrossAccountRoleName":"backup-operator"`, 422},
		"a role of its own": {`"CrossAccountType":"CROSS_ACCOUNT","CrossAccountUserId":2000000000000002,"CrossAccountRoleName":"backup-operator"`, 422},
		"nobody's":          {`"CrossAccountType":"CROSS_ACCOUNT","CrossAccountUserId":2000000000000003,"CrossAccountRoleName":"hbrcrossrole"`, 422},
		"of itself":         {`"Account":"payments-central","CrossAccountType":"SELF_ACCOUNT"`, 422},
		"of a directory":    {`"Account":"payments-central","CrossAccountType":"CROSS_ACCOUNT_BY_RD"`, 422},
	} {
		w := newWorld(t)
		answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", `{"Region":"cn-hangzhou","InstanceId":"i-bp2demopay01","Retention":7,`+c.says+`}`)
		if answer.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", name, answer.Code, c.want, answer.Body)
		}
		jobs := w.cloud.Ledger().Jobs
		if (c.want == 201) != (len(jobs) == 1) || c.want != 201 && w.calls() != 0 {
			t.Errorf("%s: %d jobs, %d calls", name, len(jobs), w.calls())
		}
		for _, job := range jobs {
			if job.Parameters["CrossAccountUserId"] != "2000000000000002" || job.Parameters["CrossAccountRoleName"] != "hbrcrossrole" || job.Parameters["CrossAccountType"] != "CROSS_ACCOUNT" {
				t.Errorf("%s: %v", name, job.Parameters)
			}
		}
	}
	w := newWorld(t)
	w.govern(t, "accounts: [demo, payments, payments-central, locked]", "accounts: [demo]")
	for _, says := range []string{`"CrossAccountType":"CROSS_ACCOUNT"`, `"CrossAccountUserId":2000000000000002`, `"CrossAccountRoleName":"hbrcrossrole"`, `"Detail":{"doCopy":true}`, `"Retention":8`} {
		ask := func(alias string) string {
			a := w.ask("POST", "/api/v1/backup-jobs", "application/json", `{"Account":"`+alias+`","Region":"cn-hangzhou","InstanceId":"i-bp2demopay01",`+says+`}`)
			text := regexp.MustCompile(`"instance":"[^"]*"`).ReplaceAllString(a.Body.String(), "")
			return strings.ReplaceAll(a.Result().Status+text, alias, "ALIAS")
		}
		if hidden, missing := ask("payments-central"), ask("payments-missing"); hidden != missing {
			t.Errorf("%s: hidden\n%s\nmissing\n%s", says, hidden, missing)
		}
	}
	if n := w.calls(); n != 0 {
		t.Errorf("%d calls", n)
	}
}
