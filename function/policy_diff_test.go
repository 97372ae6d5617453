package main

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"backupportal/function/app"
	"backupportal/function/backup"
	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/postgrestest"
	"backupportal/function/store/storetest"
)

// editedPolicy writes the demo policy to a new file and returns its path. pairs are replacements: an old text,
// then its new text.
func editedPolicy(t testing.TB, pairs ...string) string {
	t.Helper()
	text, err := os.ReadFile("cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	edited := string(text)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(edited, pairs[i]) {
			t.Fatalf("the policy does not contain %q", pairs[i])
		}
		edited = strings.Replace(edited, pairs[i], pairs[i+1], 1)
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestPolicyDiffDecidesTheHistory proves that policy diff reports how a changed policy decides submissions that
// were made through the portal.
func TestPolicyDiffDecidesTheHistory(t *testing.T) {
	cloud, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := httptest.NewServer(cloud)
	t.Cleanup(endpoint.Close)
	database := "sqlite:" + filepath.Join(t.TempDir(), "portal.db")
	settings := map[string]string{
		"CLOUD_ENDPOINT": endpoint.URL, "POLICY_FILE": "cmd/local/policy.yaml", "DATABASE_URL": database,
		"ALIBABA_CLOUD_ACCESS_KEY_ID": world.DemoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": world.DemoSecret,
	}
	cfg, err := app.ReadConfig(func(name string) string { return settings[name] })
	if err != nil {
		t.Fatal(err)
	}
	p, err := app.Wire(cfg, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	person := identity.Principal{Kind: identity.KindHuman, Issuer: "demo", Subject: "demo", Name: "demo"}
	timer := identity.Principal{Kind: identity.KindEvent, Subject: "event:timer", Name: "event timer"}
	for i, s := range []struct {
		who     identity.Principal
		account string
		days    string
		refused bool
	}{
		{person, "demo", "7", false}, {person, "demo", "20", false}, {timer, "payments", "7", false}, {person, "demo", "9999", true},
	} {
		sub := backup.Submission{
			Door: backup.DoorAPI, Principal: s.who, Key: fmt.Sprint("k", i),
			Params: param.Params{"Account": s.account, "Region": "cn-hangzhou", "InstanceId": "i-bp1demoweb01", "Retention": s.days},
		}
		if s.account == "payments" {
			sub.Params["InstanceId"] = "i-bp2demopay01"
		}
		if _, err := p.Service.Submit(t.Context(), sub); (err != nil) != s.refused {
			t.Fatalf("submission %d: %v", i, err)
		}
	}
	old := editedPolicy(t)
	for name, c := range map[string]struct {
		changes []string
		changed bool
		says    []string
	}{
		"no change":            {nil, false, []string{"4 requests of the last 30 days", "4  as before"}},
		"all are switched off": {[]string{"enabled: true", "enabled: false"}, true, []string{"3  now refused", "1  as before", "New backups are currently disabled"}},
		"an account is off": {[]string{"alias: payments # another account, through its role: backups stay there\n    enabled: true", "alias: payments\n    enabled: false"}, true,
			[]string{"1  now refused", "1  event timer (#event:timer), payments cn-hangzhou UDM_ECS: was allowed by rule demo; Account: Account “payments” is currently disabled; such as "}},
		"fewer days":  {[]string{"retention_days: {min: 1, max: 365}\n    copy", "retention_days: {min: 1, max: 10}\n    copy"}, true, []string{"1  now refused", "Retention: Rule “demo” allows 1 to 10 days"}},
		"a cool-down": {[]string{"  requests: {burst: 10000, per: 1m}", "  cooldown: 1h\n  requests: {burst: 10000, per: 1m}"}, true, []string{"3  other limits", "a cool-down of 1h0m0s instead of 0s"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := diff(database, old, editedPolicy(t, c.changes...))
			if errors.Is(err, errChanged) != c.changed || (err != nil) != c.changed {
				t.Errorf("error %v, want a change: %v", err, c.changed)
			}
			for _, part := range c.says {
				if !strings.Contains(out, part) {
					t.Errorf("%q is missing", part)
				}
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
	for _, args := range [][]string{{old}, {old, "nowhere.yaml"}, {"-days", "0", old, old}, {"-people", "nowhere.csv", old, old}} {
		out, err := diff(database, args...)
		if _, usage := errors.AsType[usageError](err); !usage {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

// diff runs policy diff with arguments on a database and returns its output.
func diff(database string, args ...string) (string, error) {
	var out strings.Builder
	getenv := func(name string) string { return map[string]string{"DATABASE_URL": database}[name] }
	err := run(append([]string{"policy", "diff"}, args...), environment{getenv: getenv, out: &out})
	return out.String(), err
}

// TestPolicyDiffTakesClaims proves that a decision that is unclear without the groups of people becomes clear with
// -people.
func TestPolicyDiffTakesClaims(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "portal.db")
	fillHistory(t, database, 100)
	byGroup := func(group string) string {
		return editedPolicy(t, "{issuer: demo, subject: demo}", "{issuer: demo, group: "+group+"}")
	}
	old, changed := byGroup("staff"), byGroup("oncall")
	out, err := diff(database, old, changed)
	if !errors.Is(err, errChanged) || !strings.Contains(out, "unclear") || !strings.Contains(out, "allowed with group oncall") {
		t.Fatalf("%v\n%s", err, out)
	}
	people := filepath.Join(t.TempDir(), "people.csv")
	rows := "demo,,staff,oncall\ndemo#visitor,visitor@example.com\n"
	for i := range 40 {
		rows += fmt.Sprintf("person-%d,,staff,oncall\n", i)
	}
	if err := os.WriteFile(people, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := diff(database, "-people", people, old, changed); err != nil || !strings.Contains(out, "100  as before") {
		t.Errorf("%v\n%s", err, out)
	}
}

// fillHistory creates the schema and a history of n submissions in a database.
func fillHistory(t testing.TB, database string, n int) {
	t.Helper()
	st, err := store.Open(store.Config{URL: secret.New(database), StatementTime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := st.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	driver, source := "pgx", database
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, source = "sqlite", path
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	storetest.FillHistory(t, db, n, time.Now())
	if driver == "pgx" { // autovacuum would do this later
		if _, err := db.ExecContext(t.Context(), `VACUUM ANALYZE`); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkPolicyDiff measures the seconds of policy diff for a history of 10,000 submissions. Their senders are
// people in groups, programs and timers. The target is less than 10 seconds.
func BenchmarkPolicyDiff(b *testing.B) {
	for name, database := range map[string]func(b *testing.B) string{
		"SQLite":     func(b *testing.B) string { return "sqlite:" + filepath.Join(b.TempDir(), "portal.db") },
		"PostgreSQL": func(b *testing.B) string { return postgrestest.Start(b).Schema(b) },
	} {
		b.Run(name, func(b *testing.B) {
			url := database(b)
			fillHistory(b, url, 10_000)
			old := editedPolicy(b)
			changed := editedPolicy(b, "{issuer: demo, subject: demo}", "{issuer: demo, group: staff}",
				"accounts: [demo, payments, payments-central, locked]", "accounts: [demo, payments]")
			for b.Loop() {
				out, err := diff(url, "-days", "90", old, changed)
				if !errors.Is(err, errChanged) || !strings.Contains(out, "10000 requests") || !strings.Contains(out, "now refused") {
					b.Fatal(err, out)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/diff")
		})
	}
}
