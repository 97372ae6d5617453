package backup_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// mistakesOf returns the fields of the mistakes in err, in order, separated by spaces.
func mistakesOf(err error) string {
	invalid, _ := errors.AsType[param.InvalidError](err)
	var fields []string
	for _, m := range invalid {
		fields = append(fields, m.Field)
	}
	slices.Sort(fields)
	return strings.Join(slices.Compact(fields), " ")
}

// TestIdentityOfTheAccountComesFromThePolicy proves that a request can name the account id and
// role as the API does, but only with the values of the policy. The portal may assume roles
// that its callers may not assume.
func TestIdentityOfTheAccountComesFromThePolicy(t *testing.T) {
	const id, role = "2000000000000002", "hbrcrossrole"
	for name, c := range map[string]struct {
		given    param.Params
		alias    string // account alias of the call
		mistakes string
	}{
		"an alias":              {param.Params{"Account": "payments-central"}, "payments-central", ""},
		"an alias and its type": {param.Params{"Account": "payments-central", "CrossAccountType": "CROSS_ACCOUNT"}, "payments-central", ""},
		"all of its identity": {
			param.Params{"Account": "payments-central", "CrossAccountUserId": id, "CrossAccountRoleName": role}, "payments-central", "",
		},
		"only the identity": {
			param.Params{"CrossAccountType": "CROSS_ACCOUNT", "CrossAccountUserId": id, "CrossAccountRoleName": role},
			"payments-central", "",
		},
		"another type":        {param.Params{"Account": "payments-central", "CrossAccountType": "SELF_ACCOUNT"}, "", "CrossAccountType"},
		"another account":     {param.Params{"Account": "payments-central", "CrossAccountUserId": "3"}, "", "CrossAccountUserId"},
		"another role":        {param.Params{"Account": "payments-central", "CrossAccountRoleName": "admin"}, "", "CrossAccountRoleName"},
		"the own account":     {param.Params{"Account": "demo", "CrossAccountType": "SELF_ACCOUNT"}, "demo", ""},
		"no cross account":    {param.Params{"Account": "demo", "CrossAccountType": "CROSS_ACCOUNT"}, "", "CrossAccountType"},
		"the own account, id": {param.Params{"Account": "demo", "CrossAccountUserId": "1000000000000001"}, "", "CrossAccountUserId"},
		"a role that the portal assumes": {
			param.Params{"Account": "payments", "CrossAccountUserId": id, "CrossAccountRoleName": "backup-operator"}, "",
			"CrossAccountRoleName CrossAccountUserId",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			sub := submission("k")
			delete(sub.Params, "Account")
			maps.Copy(sub.Params, c.given)
			if strings.HasPrefix(c.alias, "payments") {
				sub.Params["InstanceId"] = "i-bp2demopay01"
			}
			before := maps.Clone(sub.Params)
			call, err := r.Prepare(t.Context(), sub)
			if got := mistakesOf(err); got != c.mistakes {
				t.Fatalf("mistakes in %q, want %q (%v)", got, c.mistakes, err)
			}
			if !maps.Equal(sub.Params, before) {
				t.Errorf("Prepare changed the submission to %v", sub.Params)
			}
			if err != nil {
				return
			}
			want := param.Params{"CrossAccountType": "SELF_ACCOUNT"}
			if c.alias == "payments-central" {
				want = param.Params{"CrossAccountType": "CROSS_ACCOUNT", "CrossAccountUserId": id, "CrossAccountRoleName": role}
			}
			for _, name := range []string{"CrossAccountType", "CrossAccountUserId", "CrossAccountRoleName"} {
				if call.Params[name] != want[name] {
					t.Errorf("%s is %q, want %q", name, call.Params[name], want[name])
				}
			}
			if call.Params["Account"] != c.alias || call.Target.Account.Alias != c.alias {
				t.Errorf("account %q, target %q, want %q", call.Params["Account"], call.Target.Account.Alias, c.alias)
			}
		})
	}
}

// TestGrantFillsOnlyWhatIsEmpty proves that the values of a rule are used only for parameters
// that the caller did not give, and that all mistakes are reported at once.
func TestGrantFillsOnlyWhatIsEmpty(t *testing.T) {
	const days = "\n    retention_days: {min: 1, max: 365}"
	r := newFixture(t)
	r.Policy = replaced(t, days, "\n    retention_days: {min: 1, max: 365, default: 30}")
	sub := submission("k")
	if call, err := r.Prepare(t.Context(), sub); err != nil || call.Params["Retention"] != "7" {
		t.Errorf("with a value: %q, %v", call.Params["Retention"], err)
	}
	delete(sub.Params, "Retention")
	if call, err := r.Prepare(t.Context(), sub); err != nil || call.Params["Retention"] != "30" {
		t.Errorf("without a value: %q, %v", call.Params["Retention"], err)
	}
	_, err := r.Prepare(t.Context(), backup.Submission{Principal: sub.Principal})
	if got := mistakesOf(err); got != "Account InstanceId Region Retention" {
		t.Errorf("without parameters: %v", err)
	}
}
