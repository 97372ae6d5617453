package e2e

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"backupportal/function/emulator"
	"backupportal/function/event"
	"backupportal/function/event/envelope"
	"backupportal/function/store/postgrestest"
	"backupportal/function/store/storetest"
)

const auditKey = "a key of the audit trail with 32 bytes or more"

// TestAuditTrailIsVerified proves that the command for verifying the audit trail accepts the
// trail of the whole program, from the database and from the log. After each manipulation of
// the trail it must end with another exit status.
func TestAuditTrailIsVerified(t *testing.T) {
	for name, url := range map[string]string{
		"SQLite":     "sqlite:" + filepath.Join(t.TempDir(), "portal.db"),
		"PostgreSQL": postgrestest.Schema(t),
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			cloud, err := emulator.New(emulator.Options{})
			if err != nil {
				t.Fatal(err)
			}
			endpoint := httptest.NewServer(cloud)
			defer endpoint.Close()
			for i := range 2 { // two processes run one after the other
				p := connect(t, endpoint.URL, &log, "DATABASE_URL", url, "AUDIT_KEY", auditKey)
				for j := range 2 {
					if _, err := p.Handlers.Submit(t.Context(), event.Message{Kind: envelope.Direct, ID: fmt.Sprint(i, j), Payload: []byte(kinds[0].json)}); err != nil {
						t.Fatal(err)
					}
				}
				if err := p.Close(); err != nil {
					t.Fatal(err)
				}
			}
			file := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(file, log.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			verified := func(wantCode int, say string, pairs []string, args ...string) {
				t.Helper()
				out, code := runProgram(t, pairs, append([]string{"audit", "verify"}, args...)...)
				if code != wantCode || !strings.Contains(out, say) {
					t.Errorf("audit verify %v: exit code %d, want %d, and %q in %s", args, code, wantCode, say, out)
				}
				if strings.Contains(out, auditKey) {
					t.Error("the key is told")
				}
			}
			const whole, broken, unusable = 0, 1, 2
			in := []string{"DATABASE_URL", url, "AUDIT_KEY", "another key that has 32 bytes or even more, " + auditKey}
			verified(whole, "10 records in 2 chains; all seals are valid", in)
			verified(whole, "10 records in 2 chains; all seals are valid", in, "-file", file)
			verified(whole, "seals were not checked", in[:2])
			verified(broken, "changed, or not the successor", []string{"DATABASE_URL", url, "AUDIT_KEY", "another key that has 32 bytes or even more"})
			verified(unusable, "at least 32", []string{"DATABASE_URL", url, "AUDIT_KEY", "short"})
			verified(unusable, "no audit records", in, "-file", os.DevNull)
			verified(unusable, "DATABASE_URL", []string{"AUDIT_KEY", auditKey})
			verified(unusable, "no record", []string{"DATABASE_URL", "sqlite:" + filepath.Join(t.TempDir(), "other.db")})
			verified(unusable, "-from", in, "-from", "yesterday")
			verified(unusable, "unexpected argument", in, "all")

			if err := storetest.Exec(url, `UPDATE audit SET body = replace(body, 'i-bp1demoweb01', 'i-bp1demoweb02') WHERE seq = 1`); err != nil {
				t.Fatal(err)
			}
			verified(broken, "record 1: changed", in)
			if err := storetest.Exec(url, `DELETE FROM audit WHERE seq = 1`); err != nil {
				t.Fatal(err)
			}
			verified(broken, "record 2: records before it are missing: 1", in)
			if err := storetest.Exec(url, `DELETE FROM audit WHERE seq = 4`); err != nil {
				t.Fatal(err)
			}
			verified(broken, "record 4: the end of the chain is missing", in)
			bad := bytes.Replace(log.Bytes(), []byte("i-bp1demoweb01"), []byte("i-bp1demoweb02"), 1)
			if err := os.WriteFile(file, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			verified(broken, "changed, or not the successor", in, "-file", file)
		})
	}
}

// TestWithoutAnAuditTrailNothingIsSent proves that the program starts no backup if it cannot
// write its audit trail.
func TestWithoutAnAuditTrailNothingIsSent(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "portal.db")
	p, cloud := wired(t, "DATABASE_URL", url)
	if _, err := p.Handlers.Submit(t.Context(), event.Message{Kind: envelope.Timer, Payload: []byte(`{"sweep":true}`)}); err != nil {
		t.Fatal(err) // the sweep creates the schema
	}
	if err := storetest.Exec(url, `DROP TABLE audit`); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Handlers.Submit(t.Context(), event.Message{Kind: envelope.Direct, ID: "1", Payload: []byte(kinds[0].json)}); err == nil {
		t.Error("accepted")
	}
	if calls := cloud.Ledger().Calls; len(calls) > 0 {
		t.Errorf("the cloud heard %d calls", len(calls))
	}
}
