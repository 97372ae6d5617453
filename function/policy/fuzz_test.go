package policy

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"unicode"

	"backupportal/function/param"
)

// FuzzLoad proves that a text that Load accepts has the same meaning for the decoder of the
// YAML library (into structs, with KnownFields): both return the same policy. It also proves
// that the text of every problem is one line.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(base))
	f.Add([]byte(readFile(f, "../../docs/policy.example.yaml")))
	f.Add([]byte(readFile(f, "../cmd/local/policy.yaml")))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Load(data, environment)
		if err != nil {
			checkProblems(t, err)
			return
		}
		x := decodePlain(t, data)
		if p.enabled != x.Enabled || len(p.accounts) != len(x.Accounts) || len(p.rules) != len(x.Rules) || x.Version != 1 {
			t.Fatalf("read as %+v and as %+v", p, x)
		}
		for i, a := range x.Accounts {
			got := p.accounts[i]
			if got.Alias != a.Alias || got.enabled != a.Enabled || got.ID != a.AccountID || string(got.Access) != a.Access || got.Role != a.Role {
				t.Errorf("account %d read as %+v and as %+v", i, got, a)
			}
		}
		for i, r := range x.Rules {
			got := p.rules[i]
			if got.id != r.ID || got.instances.any != r.AnyInstance || !maps.Equal(got.instances.tags, r.Tags) || got.clusters.any != r.AnyCluster || (got.copies == nil) != (r.Copy == nil) ||
				strings.Join(got.instances.ids, " ") != strings.Join(r.Instances, " ") || strings.Join(got.scripts, " ") != strings.Join(r.Scripts, " ") ||
				r.Retention != nil && got.retention != (days{int64(r.Retention.Min), int64(r.Retention.Max), int64(r.Retention.Default)}) {
				t.Errorf("rule %d read as %+v and as %+v", i, got, r)
			}
		}
		p.Decide(t.Context(), alice, param.Params{})
	})
}

// checkProblems checks the form of the problems in err, a LoadError.
func checkProblems(t *testing.T, err error) {
	t.Helper()
	bad, ok := errors.AsType[LoadError](err)
	if !ok || len(bad) == 0 {
		t.Fatalf("%T %v", err, err)
	}
	for _, p := range bad {
		if p.Text == "" || strings.ContainsFunc(p.String(), unicode.IsControl) {
			t.Errorf("%q", p)
		}
	}
	if len(bad) != 1+strings.Count(err.Error(), "\n") {
		t.Errorf("%d problems in %q", len(bad), err)
	}
}
