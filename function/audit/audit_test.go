package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"backupportal/function/audit"
	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/secret"
)

const key = "a key of the audit trail with 32 bytes or more"

// A sink is an [audit.Sink] in memory. It returns the error fail if fail is set.
type sink struct {
	mu   sync.Mutex
	rows []backup.AuditRow
	fail error
}

func (s *sink) Audit(_ context.Context, row backup.AuditRow) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.rows = append(s.rows, row)
	return nil
}

func (s *sink) AuditHeads(context.Context, time.Time, int) ([]backup.AuditRow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := map[string]backup.AuditRow{}
	for _, r := range s.rows {
		last[r.Chain] = r
	}
	var heads []backup.AuditRow
	for _, r := range last {
		heads = append(heads, r)
	}
	return heads, s.fail
}

// A trail is an audit log under test, with its output and its clock.
type trail struct {
	*audit.Log
	sink  *sink
	lines bytes.Buffer
	now   time.Time
	step  time.Duration // how far each reading of the clock advances the clock
}

// start makes an audit log that writes to s, as one process does. The names of its chains start
// with name. With an empty key the records have no seals.
func start(t testing.TB, s *sink, name, key string) *trail {
	t.Helper()
	tr := &trail{sink: s, step: time.Second, now: time.Date(2026, 11, 26, 9, 0, 0, 123456000, time.UTC)}
	chains := 0
	var clock sync.Mutex // goroutines read the clock concurrently
	log, err := audit.New(audit.Config{
		Sink: s, Key: secret.New(key), Log: slog.New(slog.NewJSONHandler(&tr.lines, nil)), Build: "v1", Policy: "abc",
		Now: func() time.Time {
			clock.Lock()
			defer clock.Unlock()
			tr.now = tr.now.Add(tr.step)
			return tr.now
		},
		NewID:    func() string { chains++; return fmt.Sprint(name, chains) },
		Settings: map[string]string{"auth": "oidc"},
	})
	if err != nil {
		t.Fatal(err)
	}
	tr.Log = log
	return tr
}

// intent returns an event in which most fields are set.
func intent(n int) backup.AuditEvent {
	return backup.AuditEvent{
		Kind: backup.AuditIntent, Actor: identity.Principal{Kind: identity.KindHuman, Issuer: "https://id.example", Subject: "alice", Name: "Alice <&> 爱丽丝", Key: "session-1"},
		Door: backup.DoorForm, Target: backup.AuditTarget{Action: backup.ActionCreate, Account: "prod", Resource: "i-1", Scripts: []string{"/opt/pre.sh"}},
		Decision: backup.AuditDecision{Allow: true, Rule: "payments"}, Submission: backup.AuditSubmission{ID: "s", N: n},
	}
}

// record writes n events, made by intent, to the audit trail.
func (tr *trail) record(t testing.TB, n int) {
	t.Helper()
	for i := range n {
		if err := tr.Record(t.Context(), intent(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// all returns rows in the order of their chains.
func all(rows []backup.AuditRow) iter.Seq2[backup.AuditRow, error] {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b backup.AuditRow) int { return strings.Compare(a.Chain, b.Chain) })
	return func(yield func(backup.AuditRow, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// verify verifies the seals and numbers of rows, with these keys, and returns the report.
func verify(t testing.TB, rows []backup.AuditRow, keys ...string) audit.Report {
	t.Helper()
	var secrets []secret.String
	for _, k := range keys {
		secrets = append(secrets, secret.New(k))
	}
	report, err := audit.Verify(all(rows), secrets, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestVerifyIntactTrail(t *testing.T) {
	s := &sink{}
	first := start(t, s, "a", key)
	first.record(t, 3)
	second := start(t, s, "b", key)
	second.record(t, 2)
	if r := verify(t, s.rows, key); len(r.Findings) > 0 || r.Records != 7 || r.Chains != 2 {
		t.Errorf("%+v", r)
	}
	if r := verify(t, s.rows, "another key that has 32 bytes or even more", key); len(r.Findings) > 0 {
		t.Errorf("with an earlier key: %+v", r)
	}
	// The log has the same records as the rows, mixed with other lines, and each record twice,
	// as log services may deliver them.
	log := "FC Invoke Start\n" + first.lines.String() + `{"msg":"job created"}` + "\n" + second.lines.String() + second.lines.String()
	rows, err := audit.ReadLines(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	report, err := audit.Verify(rows, []secret.String{secret.New(key)}, time.Time{})
	if err != nil || len(report.Findings) > 0 || report.Records != 7 {
		t.Errorf("from the log: %+v, %v", report, err)
	}
}

// TestVerifyDetectsTampering proves that Verify finds every change of the stored rows, with one
// exception: the removal of the end of a chain that no later chain names.
func TestVerifyDetectsTampering(t *testing.T) {
	s := &sink{}
	start(t, s, "a", key).record(t, 3) // chain a1 has the records 0 to 3
	start(t, s, "b", key).record(t, 1) // chain b1 has the records 0 and 1
	at := func(chain string, seq int64) int {
		return slices.IndexFunc(s.rows, func(r backup.AuditRow) bool { return r.Chain == chain && r.Seq == seq })
	}
	for name, c := range map[string]struct {
		do   func(rows []backup.AuditRow) []backup.AuditRow
		want string // part of a finding; empty if Verify does not detect the change
	}{
		"nothing": {func(rows []backup.AuditRow) []backup.AuditRow { return rows }, ""},
		"a record is changed": {func(rows []backup.AuditRow) []backup.AuditRow {
			rows[at("a1", 2)].Body = strings.Replace(rows[at("a1", 2)].Body, "alice", "mallory", 1)
			return rows
		}, "a1 2 changed, or not the successor"},
		"a byte of a seal is changed": {func(rows []backup.AuditRow) []backup.AuditRow {
			rows[at("a1", 2)].MAC = "0" + rows[at("a1", 2)].MAC[1:] + "0"
			return rows
		}, "a1 2 changed, or not the successor"},
		"the time of a row is changed": {func(rows []backup.AuditRow) []backup.AuditRow {
			rows[at("a1", 2)].At = rows[at("a1", 2)].At.Add(time.Hour)
			return rows
		}, "a1 2 changed: the row has a different time"},
		"a record is no JSON": {func(rows []backup.AuditRow) []backup.AuditRow { rows[at("a1", 1)].Body = "{"; return rows }, "a1 1 changed: it is not"},
		"a record is left out": {func(rows []backup.AuditRow) []backup.AuditRow {
			return slices.Delete(rows, at("a1", 1), at("a1", 1)+1)
		}, "a1 2 records before it are missing: 1"},
		"the first is left out": {func(rows []backup.AuditRow) []backup.AuditRow {
			return slices.Delete(rows, at("a1", 0), at("a1", 0)+1)
		}, "a1 1 records before it are missing: 1"},
		"two are exchanged": {func(rows []backup.AuditRow) []backup.AuditRow {
			a, b := &rows[at("a1", 1)], &rows[at("a1", 2)]
			a.Body, b.Body, a.MAC, b.MAC = b.Body, a.Body, b.MAC, a.MAC
			return rows
		}, "a1 1 moved: its content says"},
		"one is put into another chain": {func(rows []backup.AuditRow) []backup.AuditRow {
			b := rows[at("a1", 2)]
			rows[at("b1", 1)].Body, rows[at("b1", 1)].MAC = b.Body, b.MAC
			return rows
		}, "b1 1 moved: its content says"},
		"one is written without the key": {func(rows []backup.AuditRow) []backup.AuditRow {
			return append(rows, backup.AuditRow{Chain: "b1", Seq: 2, Body: `{"time":"0001-01-01T00:00:00Z","chain":"b1","seq":2}`})
		}, "b1 2 changed, or not the successor"},
		"a tail is cut off that a later chain knows": {func(rows []backup.AuditRow) []backup.AuditRow {
			return slices.Delete(rows, at("a1", 3), at("a1", 3)+1)
		}, "a1 3 the end of the chain is missing"},
		"a tail is cut off that nobody knows": {func(rows []backup.AuditRow) []backup.AuditRow { return rows[:len(rows)-1] }, ""},
		"a chain is left out": {func(rows []backup.AuditRow) []backup.AuditRow {
			return slices.DeleteFunc(rows, func(r backup.AuditRow) bool { return r.Chain == "a1" })
		}, "a1 3 the whole chain is missing"},
	} {
		report := verify(t, c.do(slices.Clone(s.rows)), key)
		var found []string
		for _, f := range report.Findings {
			found = append(found, fmt.Sprint(f.Chain, " ", f.Seq, " ", f.What))
		}
		if (c.want == "") != (len(found) == 0) || c.want != "" && !strings.Contains(strings.Join(found, "\n"), c.want) {
			t.Errorf("%s: found %q, want %q", name, found, c.want)
		}
	}
}

// TestVerifyIgnoresOldChains proves that Verify does not check chains that began before the
// given time. Old rows may have been deleted, although a later chain still names them.
func TestVerifyIgnoresOldChains(t *testing.T) {
	s := &sink{}
	start(t, s, "a", key).record(t, 2)
	start(t, s, "b", key).record(t, 2)
	gone := slices.DeleteFunc(slices.Clone(s.rows), func(r backup.AuditRow) bool { return r.Chain == "a1" })
	for days, want := range map[int]int{0: 0, -3: 1} {
		report, err := audit.Verify(all(gone), []secret.String{secret.New(key)}, s.rows[0].At.AddDate(0, 0, days))
		if err != nil || len(report.Findings) != want {
			t.Errorf("%d days: %+v, %v", days, report, err)
		}
	}
}

func TestVerifyWithWrongKey(t *testing.T) {
	s := &sink{}
	start(t, s, "a", key).record(t, 2)
	if r := verify(t, s.rows, "another key that has 32 bytes or even more"); len(r.Findings) != 3 {
		t.Errorf("%+v", r)
	}
	plain := &sink{}
	start(t, plain, "a", "").record(t, 2)
	if r := verify(t, plain.rows); len(r.Findings) > 0 || r.Unsealed != 3 {
		t.Errorf("without keys: %+v", r)
	}
	if r := verify(t, plain.rows, key); len(r.Findings) != 3 {
		t.Errorf("records without seals pass: %+v", r)
	}
}

func TestShortKeys(t *testing.T) {
	for _, short := range []string{"k", strings.Repeat("k", 31)} {
		if _, err := audit.New(audit.Config{Key: secret.New(short)}); err == nil || strings.Contains(err.Error(), short+short) {
			t.Errorf("%d bytes: %v", len(short), err)
		}
	}
	if audit.CheckKey(secret.String{}) == nil {
		t.Error("an empty key is a key")
	}
}

// TestStoreErrorEndsChain proves that the audit log begins a new chain after an error of the
// store, because it is unknown whether the last row was stored. The new chain names the last
// row that is certainly stored.
func TestStoreErrorEndsChain(t *testing.T) {
	s := &sink{}
	tr := start(t, s, "a", key)
	tr.record(t, 1)
	s.fail = errors.New("away")
	if err := tr.Record(t.Context(), intent(1)); !errors.Is(err, s.fail) {
		t.Errorf("error %v", err)
	}
	if err := tr.Record(t.Context(), intent(2)); !errors.Is(err, s.fail) { // the store still fails, so the new chain cannot begin
		t.Errorf("error %v", err)
	}
	s.fail = nil
	tr.record(t, 1)
	var first audit.Record
	if err := json.Unmarshal([]byte(s.rows[2].Body), &first); err != nil {
		t.Fatal(err)
	}
	if first.Event != backup.AuditStart || first.After == nil || first.After.Chain != "a1" || first.After.Seq != 1 || first.After.MAC != s.rows[1].MAC {
		t.Errorf("the new chain begins with %s", s.rows[2].Body)
	}
	if r := verify(t, s.rows, key); len(r.Findings) > 0 {
		t.Errorf("%+v", r)
	}
	if n := strings.Count(tr.lines.String(), `"event":"intent"`); n != 4 {
		t.Errorf("the log has %d of 4 events:\n%s", n, tr.lines.String())
	}
}

// TestAlongWithoutStoring proves that a record is neither in the chain nor in the log if the
// caller's function reports that it did not store the row.
func TestAlongWithoutStoring(t *testing.T) {
	s := &sink{}
	tr := start(t, s, "a", key)
	stored, err := tr.RecordWith(t.Context(), intent(0), func(backup.AuditRow) (bool, error) { return false, nil })
	if stored || err != nil {
		t.Errorf("stored %v, error %v", stored, err)
	}
	if strings.Contains(tr.lines.String(), "intent") {
		t.Errorf("a line of it: %s", tr.lines.String())
	}
	tr.record(t, 2)
	if r := verify(t, s.rows, key); len(r.Findings) > 0 || r.Records != 3 {
		t.Errorf("%+v", r)
	}
}

func TestConcurrentRecords(t *testing.T) {
	s := &sink{}
	tr := start(t, s, "a", key)
	var wait sync.WaitGroup
	for i := range 64 {
		wait.Go(func() {
			if err := tr.Record(t.Context(), intent(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if r := verify(t, s.rows, key); len(r.Findings) > 0 || r.Records != 65 || r.Chains != 1 {
		t.Errorf("%+v", r)
	}
}

// hostile are texts that could split a log line or imitate another one (threat T8).
var hostile = map[string]string{
	"a line of its own":    "alice\n{\"msg\":\"audit\",\"audit\":{\"chain\":\"x\"}}",
	"carriage return":      "alice\rroot",
	"quotes":               `alice","event":"signin","x":"`,
	"terminal escape":      "alice\x1b[2J\x1b]0;owned\a",
	"right-to-left":        "alice\u202ecilam",
	"isolates":             "\u2066alice\u2069",
	"zero width":           "ali\u200bce\ufeff",
	"line separator":       "alice\u2028root\u2029",
	"null":                 "alice\x00root",
	"not UTF-8":            "alice\xff\xc0\xaf",
	"half a surrogate":     "alice\xed\xa0\x80",
	"private use":          "alice\ue000",
	"C1 controls":          "alice\u0085\u009b31m",
	"very long":            strings.Repeat("长", 5000),
	"a format":             "%s%n%d",
	"tags":                 "<script>alert(1)</script>",
	"a soft hyphen":        "ali\u00adce",
	"tag characters":       "alice\U000e0041",
	"next to the end":      strings.Repeat("a", 199) + "长",
	"ends inside one rune": strings.Repeat("长", 66) + "é",
}
