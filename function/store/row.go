package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"backupportal/function/backup"
)

// columns are those of one submission with its last step and its job, in the
// order in which scan reads them.
const columns = `s.id, s.fingerprint, s.door, s.principal, s.principal_name, s.account_id, s.access, s.job_name, s.request, s.complete, s.denied, s.policy_hash, s.caller_id,
	s.created_ms, s.expires_ms,
	COALESCE(l.n, -1), COALESCE(l.kind, ''), COALESCE(l.owner, ''), COALESCE(l.at_ms, 0), COALESCE(l.until_ms, 0),
	COALESCE(l.job_id, ''), COALESCE(l.code, ''), COALESCE(l.message, ''), COALESCE(l.request_id, ''),
	COALESCE(j.asked_ms, 0), COALESCE(j.seen, ''),
	COALESCE(j.cancel_ms, 0), COALESCE(j.cancel_principal, ''), COALESCE(j.cancel_principal_name, '')`

// joined adds to the submissions called s what columns needs.
const joined = ` s
	LEFT JOIN submission_step l ON l.submission_id = s.id
		AND l.n = (SELECT MAX(n) FROM submission_step WHERE submission_id = s.id)
	LEFT JOIN job j ON j.submission_id = s.id`

// scan reads columns.
func scan(row interface{ Scan(...any) error }) (backup.Record, error) {
	var r backup.Record
	var principal, request, complete, denied, seen, canceller string
	var created, expires, at, until, asked, cancelled int64
	err := row.Scan(&r.SubmissionID, &r.Fingerprint, &r.Door, &principal, &r.Principal.Name, &r.AccountID, &r.Access, &r.JobName, &request, &complete, &denied, &r.PolicyHash, &r.CallerID,
		&created, &expires,
		&r.Last.N, &r.Last.Kind, &r.Last.Owner, &at, &until, &r.Last.JobID, &r.Last.Code, &r.Last.Message, &r.Last.RequestID,
		&asked, &seen, &cancelled, &canceller, &r.Cancellation.By.Name)
	if err != nil {
		return backup.Record{}, err
	}
	r.Principal.Issuer, r.Principal.Subject, _ = strings.Cut(principal, "#")
	r.Cancellation.By.Issuer, r.Cancellation.By.Subject, _ = strings.Cut(canceller, "#")
	r.Cancellation.At = moment(cancelled)
	r.CreatedAt, r.ExpiresAt = moment(created), moment(expires)
	r.Last.At, r.Last.Until, r.AskedAt = moment(at), moment(until), moment(asked)
	for _, part := range []struct {
		text string
		into any
	}{{request, &r.Params}, {complete, &r.Complete}, {denied, &r.Denied}, {seen, &r.Job}} {
		if part.text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(part.text), part.into); err != nil {
			return backup.Record{}, fmt.Errorf("submission %s: %w", r.SubmissionID, err)
		}
	}
	if r.Complete["JobName"] != "" {
		r.Complete["JobName"] = r.JobName // which use of the key it is only the claim knows
	}
	return r, nil
}

// ms is a time as it is stored; 0 is none.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// text writes v as JSON; nil as no text.
func text(v any) (string, error) {
	data, err := json.Marshal(v)
	if string(data) == "null" {
		return "", err
	}
	return string(data), err
}

// storable refuses texts that PostgreSQL does not take. SQLite would take
// them, and then the two would differ.
func storable(args []any) error {
	for i, arg := range args {
		if s, ok := arg.(string); ok && (!utf8.ValidString(s) || strings.ContainsRune(s, 0)) {
			return fmt.Errorf("value %d of the statement is no text: it has a zero byte, or is not UTF-8", i+1)
		}
	}
	return nil
}
