package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/secret"
)

// A Finding is one defect that Verify found in the audit trail, at one record.
type Finding struct {
	Chain string
	Seq   int64
	What  string // a sentence without a full stop
}

// A Report is the result of [Verify]. No Findings means that no manipulation was found.
type Report struct {
	Chains, Records int
	Unsealed        int // records without a MAC, if they were checked without a key
	Findings        []Finding
}

// Verify checks a trail and returns its defects: records that were changed, removed or moved, and
// ends of chains that are missing although a later chain names them. rows must be ordered by
// chain, then by number.
//
// A chain must match one of keys. Without keys, only numbers, times and ends are checked. Chains
// that began before from are not checked, because old rows may have been deleted; the zero time
// checks all chains. The error is the first error of rows.
func Verify(rows iter.Seq2[backup.AuditRow, error], keys []secret.String, from time.Time) (Report, error) {
	v := verifier{keys: keys, from: from, seen: map[string][]Head{}}
	for row, err := range rows {
		if err != nil {
			return v.report, err
		}
		v.checkRow(row)
	}
	v.checkClaims()
	slices.SortStableFunc(v.report.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Chain, b.Chain), cmp.Compare(a.Seq, b.Seq))
	})
	return v.report, nil
}

// A verifier holds what Verify has read so far of the audit trail.
type verifier struct {
	keys   []secret.String
	from   time.Time
	report Report

	chain      string          // chain of the previous row
	skip       bool            // the chain began before from
	next       int64           // expected number
	candidates []secret.String // keys that the chain may have been sealed with
	previous   string          // MAC of the row before
	gap        bool            // the row before is missing

	seen   map[string][]Head // the rows of each chain, by number
	claims []claim
}

// A claim is what a record of a later chain says about the last row of another chain.
type claim struct {
	by   backup.AuditRow
	head Head
}

// addFinding adds a finding about row.
func (v *verifier) addFinding(row backup.AuditRow, what string, args ...any) {
	v.report.Findings = append(v.report.Findings, Finding{row.Chain, row.Seq, fmt.Sprintf(what, args...)})
}

// checkRow checks the next row of the audit trail: its number, time and seal.
func (v *verifier) checkRow(row backup.AuditRow) {
	var r Record
	err := json.Unmarshal([]byte(row.Body), &r)
	if row.Chain != v.chain || v.report.Records == 0 {
		v.begin(row, r)
	}
	v.report.Records++
	if row.Seq < v.next {
		v.addFinding(row, "another record has this number")
		return
	}
	v.seen[row.Chain] = append(v.seen[row.Chain], Head{row.Chain, row.Seq, row.MAC})
	if v.skip {
		v.next = row.Seq + 1
		return
	}
	if v.gap = row.Seq > v.next; v.gap {
		v.addFinding(row, "records before it are missing: %d", row.Seq-v.next)
	}
	switch {
	case err != nil:
		v.addFinding(row, "changed: it is not a record")
	case r.Chain != row.Chain || r.Seq != row.Seq:
		v.addFinding(row, "moved: its content says number %d of chain %s", r.Seq, param.Clean(r.Chain, 40))
	case !v.sealValid(row):
		v.addFinding(row, "changed, or not the successor of the previous record: the seal is invalid")
	case r.Time.UnixMilli() != row.At.UnixMilli():
		v.addFinding(row, "changed: the row has a different time")
	}
	for _, h := range append(r.Heads, headsOf(r.After)...) {
		v.claims = append(v.claims, claim{row, h})
	}
	v.next, v.previous = row.Seq+1, row.MAC
}

// headsOf returns h as a list, which is empty for nil.
func headsOf(h *Head) []Head {
	if h == nil {
		return nil
	}
	return []Head{*h}
}

// begin prepares the check of a chain. row is the first row found.
func (v *verifier) begin(row backup.AuditRow, r Record) {
	v.report.Chains++
	v.chain, v.next, v.previous, v.candidates = row.Chain, 0, "", v.keys
	v.skip = r.Time.Before(v.from) && row.At.Before(v.from)
}

// sealValid reports whether the seal of a row is valid. After the first valid seal of a chain,
// it accepts only the key of that seal. If the row before is missing, it accepts any seal,
// because that row is part of the seal's input.
func (v *verifier) sealValid(row backup.AuditRow) bool {
	if len(v.keys) == 0 {
		if row.MAC == "" {
			v.report.Unsealed++
		}
		return true
	}
	if v.gap {
		return row.MAC != "" // the MAC of the row before is unknown
	}
	for _, key := range v.candidates {
		if hmac.Equal([]byte(seal(key, v.previous, row.Body)), []byte(row.MAC)) {
			v.candidates = []secret.String{key}
			return true
		}
	}
	return false
}

// checkClaims compares the rows with what later chains say about ends of chains. Each defect is
// reported once, even if several chains show it.
func (v *verifier) checkClaims() {
	reported := map[string]bool{}
	for _, c := range v.claims {
		records, known := v.seen[c.head.Chain]
		at, there := slices.BinarySearchFunc(records, c.head.Seq, func(h Head, seq int64) int {
			return cmp.Compare(h.Seq, seq)
		})
		var what string
		switch {
		case !known && c.by.At.Before(v.from.Add(headsAge+time.Hour)):
			continue // it may be deleted, because it is old
		case !known:
			what = "the whole chain is missing"
		case at == len(records):
			what = "the end of the chain is missing: a record with this number existed"
		case there && records[at].MAC != c.head.MAC:
			what = "not the original record"
		default:
			continue // unchanged, or reported as missing already
		}
		if key := fmt.Sprint(c.head.Chain, c.head.Seq); !reported[key] {
			reported[key] = true
			v.addFinding(backup.AuditRow{
				Chain: c.head.Chain,
				Seq:   c.head.Seq,
			}, "%s, by record %d of chain %s", what, c.by.Seq, param.Clean(c.by.Chain, 40))
		}
	}
}

// maxLogLine is the longest line of a log that ReadLines accepts, in bytes.
const maxLogLine = 1 << 20

// ReadLines returns the rows of the audit trail in the lines of a log, ordered as [Verify] needs
// them. It ignores other lines. Equal rows count once, because log services deliver at least
// once. Its errors: that of from, a line longer than 1 MiB, or a log without any record.
func ReadLines(from io.Reader) (iter.Seq2[backup.AuditRow, error], error) {
	var rows []backup.AuditRow
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLogLine)
	for lines.Scan() {
		if row, ok := rowOf(lines.Bytes()); ok {
			rows = append(rows, row)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errors.New("the log has no audit records")
	}
	slices.SortStableFunc(rows, func(a, b backup.AuditRow) int {
		return cmp.Or(
			strings.Compare(a.Chain, b.Chain),
			cmp.Compare(a.Seq, b.Seq),
			strings.Compare(a.MAC, b.MAC),
			strings.Compare(a.Body, b.Body),
		)
	})
	rows = slices.Compact(rows)
	return func(yield func(backup.AuditRow, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}, nil
}

// rowOf returns the audit row in a log line. It returns false if the line has no record of a
// chain. The row's time is that of the record, because the time of the log line can differ.
func rowOf(line []byte) (row backup.AuditRow, ok bool) {
	start := bytes.IndexByte(line, '{') // log services may add a prefix
	if start < 0 {
		return row, false
	}
	var l struct {
		Audit struct {
			Chain  string          `json:"chain"`
			Seq    int64           `json:"seq"`
			MAC    string          `json:"mac"`
			Record json.RawMessage `json:"record"`
		} `json:"audit"`
	}
	if json.Unmarshal(line[start:], &l) != nil || l.Audit.Chain == "" || l.Audit.Record == nil {
		return row, false
	}
	var r struct {
		Time time.Time `json:"time"`
	}
	_ = json.Unmarshal(l.Audit.Record, &r) // Verify reports an invalid record
	return backup.AuditRow{
		Chain: l.Audit.Chain,
		Seq:   l.Audit.Seq,
		At:    r.Time,
		Body:  string(l.Audit.Record),
		MAC:   l.Audit.MAC,
	}, true
}
