package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"backupportal/function/backup"
)

// columns selects a submission (s), the last step of its log (l) and its job (j). scan reads the
// columns in this order. If there is no step, the number of the step is -1.
const columns = `s.id, s.fingerprint, s.door, s.principal, s.principal_name, s.account_id, s.access, s.job_name,
	s.request, s.complete, s.denied, s.policy_hash, s.caller_id, s.resource_name, s.trace,
	s.created_ms, s.expires_ms,
	COALESCE(l.n, -1), COALESCE(l.kind, ''), COALESCE(l.owner, ''), COALESCE(l.at_ms, 0), COALESCE(l.until_ms, 0),
	COALESCE(l.job_id, ''), COALESCE(l.code, ''), COALESCE(l.message, ''), COALESCE(l.request_id, ''),
	COALESCE(j.asked_ms, 0), COALESCE(j.seen, ''),
	COALESCE(j.cancel_ms, 0), COALESCE(j.cancel_principal, ''), COALESCE(j.cancel_principal_name, '')`

// joins follows a table of submissions. It gives that table the name s and adds the tables l and j
// of columns.
const joins = ` s
	LEFT JOIN submission_step l ON l.submission_id = s.id
		AND l.n = (SELECT MAX(n) FROM submission_step WHERE submission_id = s.id)
	LEFT JOIN job j ON j.submission_id = s.id`

// scan reads a row of a query that selects columns. Fields of the record that are not stored
// stay empty.
func scan(row interface{ Scan(...any) error }) (backup.Record, error) {
	var r backup.Record
	var principal, request, complete, denied, seen, canceller string
	var created, expires, at, until, asked, cancelled int64
	err := row.Scan(
		&r.SubmissionID, &r.Fingerprint, &r.Door, &principal, &r.Principal.Name, &r.AccountID, &r.Access, &r.JobName,
		&request, &complete, &denied, &r.PolicyHash, &r.CallerID, &r.ResourceName, &r.Trace,
		&created, &expires,
		&r.Last.N, &r.Last.Kind, &r.Last.Owner, &at, &until, &r.Last.JobID, &r.Last.Code, &r.Last.Message, &r.Last.RequestID,
		&asked, &seen, &cancelled, &canceller, &r.Cancellation.By.Name,
	)
	if err != nil {
		return backup.Record{}, err
	}
	r.Principal.Issuer, r.Principal.Subject, _ = strings.Cut(principal, "#")
	r.Cancellation.By.Issuer, r.Cancellation.By.Subject, _ = strings.Cut(canceller, "#")
	r.Cancellation.At = fromMillis(cancelled)
	r.CreatedAt, r.ExpiresAt = fromMillis(created), fromMillis(expires)
	r.Last.At, r.Last.Until, r.AskedAt = fromMillis(at), fromMillis(until), fromMillis(asked)
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
		r.Complete["JobName"] = r.JobName // the claim may have added a suffix for this use of the key
	}
	return r, nil
}

// ms returns t in the stored form: milliseconds since 1970. The zero time is 0.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fromMillis returns the UTC time for a stored number of milliseconds. 0 is the zero time.
func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// jsonText returns v as JSON. It returns the empty text for nil.
func jsonText(v any) (string, error) {
	data, err := json.Marshal(v)
	if string(data) == "null" {
		return "", err
	}
	return string(data), err
}

// checkTexts returns an error if one of args is a text that PostgreSQL cannot store: a text with a
// zero byte, or a text that is not UTF-8. SQLite could store it, but the check makes both databases
// behave in the same way.
func checkTexts(args []any) error {
	for i, arg := range args {
		if s, ok := arg.(string); ok && (!utf8.ValidString(s) || strings.ContainsRune(s, 0)) {
			return fmt.Errorf("value %d of the statement is not valid text: it has a zero byte or is not UTF-8", i+1)
		}
	}
	return nil
}
