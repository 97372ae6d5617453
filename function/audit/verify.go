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

// A Finding is something about the trail that should not be so.
type Finding struct {
	Chain string
	Seq   int64
	What  string // a sentence without its full stop
}

// A Report is what [Verify] found.
type Report struct {
	Chains, Records int
	Unsealed        int // records without a MAC that were looked at without a key
	Findings        []Finding
}

// Verify reads rows in the order of their chains and numbers, and reports
// records that were changed, left out or moved, and chains whose ends are
// missing by what later chains know of them. Of several keys each chain has one;
// without any, only numbers and ends are looked at. Chains that began before
// from are left alone, as old ones may have been deleted; the zero time leaves
// none alone. The error is that of rows.
func Verify(rows iter.Seq2[backup.AuditRow, error], keys []secret.String, from time.Time) (Report, error) {
	v := verifier{keys: keys, from: from, seen: map[string][]Head{}}
	for row, err := range rows {
		if err != nil {
			return v.report, err
		}
		v.row(row)
	}
	v.claimed()
	slices.SortStableFunc(v.report.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Chain, b.Chain), cmp.Compare(a.Seq, b.Seq))
	})
	return v.report, nil
}

type verifier struct {
	keys   []secret.String
	from   time.Time
	report Report

	chain    string // under way
	skip     bool   // it began before from
	next     int64
	able     []secret.String // keys that may be the chain's
	previous string          // MAC of the record before
	unsure   bool            // the record before is missing

	seen   map[string][]Head // records of each chain, by their numbers
	claims []claim
}

// A claim is what a record says of the end of another chain.
type claim struct {
	by   backup.AuditRow
	head Head
}

func (v *verifier) find(row backup.AuditRow, what string, args ...any) {
	v.report.Findings = append(v.report.Findings, Finding{row.Chain, row.Seq, fmt.Sprintf(what, args...)})
}

// row looks at the next row.
func (v *verifier) row(row backup.AuditRow) {
	var r Record
	err := json.Unmarshal([]byte(row.Body), &r)
	if row.Chain != v.chain || v.report.Records == 0 {
		v.begin(row, r)
	}
	v.report.Records++
	if row.Seq < v.next {
		v.find(row, "another record has this number")
		return
	}
	v.seen[row.Chain] = append(v.seen[row.Chain], Head{row.Chain, row.Seq, row.MAC})
	if v.skip {
		v.next = row.Seq + 1
		return
	}
	if v.unsure = row.Seq > v.next; v.unsure {
		v.find(row, "records before it are missing: %d", row.Seq-v.next)
	}
	switch {
	case err != nil:
		v.find(row, "changed: it is not a record")
	case r.Chain != row.Chain || r.Seq != row.Seq:
		v.find(row, "moved: its content says number %d of chain %s", r.Seq, param.Clean(r.Chain, 40))
	case !v.sealed(row):
		v.find(row, "changed, or not the successor of the previous record: the seal is invalid")
	case r.Time.UnixMilli() != row.At.UnixMilli():
		v.find(row, "changed: the row has a different time")
	}
	for _, h := range append(r.Heads, derefAll(r.After)...) {
		v.claims = append(v.claims, claim{row, h})
	}
	v.next, v.previous = row.Seq+1, row.MAC
}

func derefAll(h *Head) []Head {
	if h == nil {
		return nil
	}
	return []Head{*h}
}

// begin starts a chain with its first row.
func (v *verifier) begin(row backup.AuditRow, r Record) {
	v.report.Chains++
	v.chain, v.next, v.previous, v.able = row.Chain, 0, "", v.keys
	v.skip = r.Time.Before(v.from) && row.At.Before(v.from)
}

// sealed reports whether the seal of a row is right, as far as that can be known.
func (v *verifier) sealed(row backup.AuditRow) bool {
	if len(v.keys) == 0 {
		if row.MAC == "" {
			v.report.Unsealed++
		}
		return true
	}
	if v.unsure {
		return row.MAC != "" // what it follows on is missing
	}
	for _, key := range v.able {
		if hmac.Equal([]byte(seal(key, v.previous, row.Body)), []byte(row.MAC)) {
			v.able = []secret.String{key}
			return true
		}
	}
	return false
}

// claimed looks for the ends that records tell of.
func (v *verifier) claimed() {
	told := map[string]bool{}
	for _, c := range v.claims {
		records, known := v.seen[c.head.Chain]
		at, there := slices.BinarySearchFunc(records, c.head.Seq, func(h Head, seq int64) int {
			return cmp.Compare(h.Seq, seq)
		})
		var what string
		switch {
		case !known && c.by.At.Before(v.from.Add(headsAge+time.Hour)):
			continue // it may have been deleted, as too old
		case !known:
			what = "the whole chain is missing"
		case at == len(records):
			what = "the end of the chain is missing: a record with this number existed"
		case there && records[at].MAC != c.head.MAC:
			what = "not the original record"
		default:
			continue // as it was, or found missing already
		}
		if key := fmt.Sprint(c.head.Chain, c.head.Seq); !told[key] {
			told[key] = true
			v.find(backup.AuditRow{
				Chain: c.head.Chain,
				Seq:   c.head.Seq,
			}, "%s, by record %d of chain %s", what, c.by.Seq, param.Clean(c.by.Chain, 40))
		}
	}
}

// longestLine bounds a line of a log, in bytes.
const longestLine = 1 << 20

// ReadLines reads the records among the lines of a log, in the order that
// [Verify] wants. Other lines are passed over. A record that comes twice with the
// same bytes is one: log services deliver at least once.
func ReadLines(from io.Reader) (iter.Seq2[backup.AuditRow, error], error) {
	var rows []backup.AuditRow
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, longestLine)
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

// rowOf reads the record of a line, if it has one in a chain. A line has no time
// of its own that is worth comparing, so the row gets the record's.
func rowOf(line []byte) (row backup.AuditRow, ok bool) {
	start := bytes.IndexByte(line, '{') // log services may put something in front
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
	_ = json.Unmarshal(l.Audit.Record, &r) // what is no record is found by Verify
	return backup.AuditRow{
		Chain: l.Audit.Chain,
		Seq:   l.Audit.Seq,
		At:    r.Time,
		Body:  string(l.Audit.Record),
		MAC:   l.Audit.MAC,
	}, true
}
