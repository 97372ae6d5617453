package audit_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"backupportal/function/audit"
	"backupportal/function/backup"
	"backupportal/function/identity"
)

// checkSafe fails the test if text contains a character that must not be in a log.
func checkSafe(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s: not UTF-8: %q", what, text)
	}
	for _, r := range text {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs) {
			t.Errorf("%s: %U in %q", what, r, text)
		}
	}
}

// TestHostileTextsAreCleaned proves that an audit record is always one line, whatever texts a
// client sends. Neither a terminal nor a reader can take a part of it for another line (threat
// T8).
func TestHostileTextsAreCleaned(t *testing.T) {
	for name, text := range hostile {
		s := &sink{}
		tr := start(t, s, "a", key)
		ctx := backup.WithRequestInfo(t.Context(), backup.RequestInfo{RequestID: text, Trace: text, ClientIP: text, UserAgent: text})
		e := backup.AuditEvent{
			Kind: backup.AuditDenied, Actor: identity.Principal{Issuer: text, Subject: text, Name: text, Key: text, Email: text, Groups: []string{text}},
			Target:     backup.AuditTarget{Account: text, AccountID: text, Region: text, SourceType: text, Resource: text, Retention: text, CopyTo: text, Scripts: slices.Repeat([]string{text}, 100)},
			Decision:   backup.AuditDecision{Rule: text, Lines: slices.Repeat([]string{text}, 100)},
			Submission: backup.AuditSubmission{ID: text, Reason: text, Ticket: text, Notify: slices.Repeat([]string{text}, 100)},
			Outcome:    backup.AuditOutcome{Class: text, Code: text, JobID: text, OtherJobID: text, RequestID: text, Limit: text},
		}
		if err := tr.Record(ctx, e); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(tr.lines.String(), "\n"), "\n")
		if len(lines) != 2 { // the other line is the start of the chain
			t.Errorf("%s: %d lines", name, len(lines))
		}
		for _, line := range lines {
			checkSafe(t, name, line)
			if len(line) > 32<<10 {
				t.Errorf("%s: a line of %d bytes", name, len(line))
			}
			var parsed any
			if err := json.Unmarshal([]byte(line), &parsed); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		checkSafe(t, name, s.rows[1].Body)
		if r := verify(t, s.rows, key); len(r.Findings) > 0 {
			t.Errorf("%s: %+v", name, r)
		}
		rows, err := audit.ReadLines(&tr.lines)
		if err != nil {
			t.Fatal(err)
		}
		for row, err := range rows {
			if err != nil || row.Seq == 1 && row.Body != s.rows[1].Body {
				t.Errorf("%s: the line has other bytes than the row", name)
			}
		}
	}
}

// TestRecordFormat proves that a record has the member names and values that the documentation
// lists. Safe texts are not changed.
func TestRecordFormat(t *testing.T) {
	s := &sink{}
	tr := start(t, s, "a", key)
	ctx := backup.WithRequestInfo(t.Context(), backup.RequestInfo{RequestID: "r-1", Trace: "0af7651916cd43dd8448eb211c80319c", ClientIP: "192.0.2.1", UserAgent: "curl"})
	if err := tr.Record(ctx, intent(0)); err != nil {
		t.Fatal(err)
	}
	const want = `{"time":"2026-11-26T09:00:04.123456Z","chain":"a1","seq":1,"event":"intent",` +
		`"actor":{"kind":"human","iss":"https://id.example","sub":"alice","name":"Alice <&> 爱丽丝","key":"session-1"},` +
		`"request":{"id":"r-1","trace":"0af7651916cd43dd8448eb211c80319c","door":"form","ip":"192.0.2.1","user_agent":"curl"},` +
		`"target":{"action":"backup.create","account":"prod","resource":"i-1","scripts":["/opt/pre.sh"]},` +
		`"decision":{"allow":true,"rule":"payments","policy":"abc"},"submission":{"id":"s","n":0},"build":"v1"}`
	got := s.rows[1].Body
	if i := strings.Index(got, `,"chain"`); i < 0 || got[i:] != want[strings.Index(want, `,"chain"`):] {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !strings.Contains(s.rows[0].Body, `"settings":{"auth":"oidc"}`) {
		t.Errorf("the first record: %s", s.rows[0].Body)
	}
}
