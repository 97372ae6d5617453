// Package audit writes the audit trail as a sealed chain of records.
//
// A record says who requested an action, what the policy decided, what the portal is about to
// do, or what the result was. It is stored as a row, and written to the log as a line.
//
// # Chains
//
// Each process writes a chain of its own. The records of a chain have numbers, from 0 without a
// gap. With a key, the MAC of a row seals it together with the row before it:
//
//	MAC(0) = HMAC-SHA256(key, len("") "" len(body) body)
//	MAC(n) = HMAC-SHA256(key, len(MAC(n-1)) MAC(n-1) len(body) body)
//
// body is the JSON of the [Record], a MAC is written in hexadecimal, and len is a length in
// bytes as 32 bits in big-endian order (package lenhash). Without a key, the MAC is empty.
//
// [Verify] therefore detects a record that was changed, removed, inserted or moved. The rows
// alone do not show that the end of a chain was removed. For this, record 0 of each chain
// (event "start") names the last records, or heads, of the chains of the last 24 hours:
//
//	chain a:  0 start   1   2   3
//	chain b:  0 start (heads: a 3)   1   2
//	chain c:  0 start (heads: a 3, b 2)   1
//
// Here, only the removal of c 1 is not detected. A chain ends when its process ends, or after
// an error of the store, because then it is unknown whether the last rows were stored. In the
// second case the next chain names the last certain record in "after".
//
// A person who knows the key can write a false trail. Only other places protect against this: a
// log store to which the portal can only append, and the cloud's own trail (ActionTrail).
//
// # Sampling
//
// Anyone can cause some events, such as failed sign-ins. Of equal ones, one in a minute is
// written, with the number of skipped events ([Record.Unwritten]).
package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/jsontext"
	"backupportal/function/lenhash"
	"backupportal/function/secret"
)

// A Sink stores the rows of the audit trail. Its methods are safe for concurrent use.
type Sink interface {
	// Audit stores a row. After an error, the row may be stored or not.
	Audit(ctx context.Context, row backup.AuditRow) error
	// AuditHeads returns the last row of each chain that had a row since the given time: at most
	// limit rows, the most recent first, without their bodies.
	AuditHeads(ctx context.Context, since time.Time, limit int) ([]backup.AuditRow, error)
}

// A PendingSink is a [Sink] that stores records of concurrent callers together, in fewer
// transactions. The log gives it records without a seal; the sink has them sealed
// ([backup.AuditTrail]) just before it stores them.
type PendingSink interface {
	Sink
	// AuditPending stores a record. After an error, it may be stored or not.
	AuditPending(ctx context.Context, record backup.AuditPending) error
}

// Config configures a [Log].
type Config struct {
	Sink     Sink              // required
	Key      secret.String     // seals the records; empty writes them without seals. See [CheckKey]
	Log      *slog.Logger      // gets a line for each record; required
	Now      func() time.Time  // required; safe for concurrent use
	NewID    func() string     // returns a new name for a chain; required
	Build    string            // version of the program, in every record
	Policy   string            // SHA-256 of the policy's file, in every record of a decision
	Settings map[string]string // configuration without secrets, in the first record of a chain
}

// Limits of the earlier chains that the first record of a chain names: how many chains, and how old
// the last record of each may be.
const (
	headsAge = 24 * time.Hour
	maxHeads = 100
)

// turnTimeout is how long a record waits until earlier records are written. A chain is written
// one record at a time.
const turnTimeout = 5 * time.Second

// errTurnTimeout means that earlier records were not written within turnTimeout.
var errTurnTimeout = errors.New("audit: earlier records are not written yet")

// A Log writes one chain after another. It is safe for concurrent use. [New] makes one; a process
// needs only one. It implements [backup.Auditor] and [backup.AuditTrail].
type Log struct {
	cfg     Config
	turn    chan struct{} // a token that the writing goroutine holds
	sampler sampler

	// The fields below belong to the goroutine that holds turn.
	chain      string // id of the current chain; empty: the next record begins a new one
	next       int64  // number of the next record
	mac        string // MAC of the last record
	unfinished *Head  // last record that is certainly stored, of a chain that ended with an error; nil without such a chain
}

var (
	_ backup.Auditor    = (*Log)(nil)
	_ backup.AuditTrail = (*Log)(nil)
)

// New returns a log. It writes nothing: the first call of Record begins the chain. If key is
// not empty, the error is that of [CheckKey].
func New(cfg Config) (*Log, error) {
	if !cfg.Key.IsZero() {
		if err := CheckKey(cfg.Key); err != nil {
			return nil, err
		}
	}
	return &Log{cfg: cfg, turn: make(chan struct{}, 1), sampler: sampler{seen: map[sampleKey]*count{}}}, nil
}

// minKeyLength is the smallest length of a key in bytes.
const minKeyLength = 32

// CheckKey returns an error if key is shorter than 32 bytes, so also if it is empty. HMAC would
// accept any key.
func CheckKey(key secret.String) error {
	if len(key.Reveal()) < minKeyLength {
		return fmt.Errorf("the key must have at least %d characters: create one with openssl rand -base64 32", minKeyLength)
	}
	return nil
}

// Record writes the event e as a row of the store and as a line of the log. If e is one of many
// equal events, it may only be counted (see sampler). If the row cannot be stored, Record still
// writes the line, and returns the error of the store. It implements [backup.Auditor].
func (l *Log) Record(ctx context.Context, e backup.AuditEvent) error {
	unwritten, write := l.sampler.take(e, l.cfg.Now())
	if !write {
		return nil
	}
	return l.write(ctx, e, unwritten)
}

// Flush writes the events that were only counted: for each sample key the last event, with the
// number of the others. Events that cannot be written stay counted. It returns all errors,
// joined. It implements [backup.Auditor].
func (l *Log) Flush(ctx context.Context, all bool) error {
	var errs []error
	for e, n := range l.sampler.pending(l.cfg.Now(), all) {
		err := l.write(ctx, *e, n-1) // e is one of the n
		if err != nil {
			l.sampler.putBack(*e, 1, l.cfg.Now())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// write writes e as a record that also represents unwritten equal events. If the row cannot be
// stored, it writes only the line, and counts these events again.
func (l *Log) write(ctx context.Context, e backup.AuditEvent, unwritten int) error {
	p := &pending{log: l, ctx: ctx, record: l.record(ctx, e)}
	p.record.Unwritten = unwritten
	var err error
	if sink, ok := l.cfg.Sink.(PendingSink); ok {
		err = sink.AuditPending(ctx, p)
	} else {
		_, err = l.Seal(ctx, []backup.AuditPending{p}, func(rows []backup.AuditRow) (bool, error) {
			for _, row := range rows {
				if err := l.cfg.Sink.Audit(ctx, row); err != nil {
					return false, err
				}
			}
			return true, nil
		})
	}
	if err != nil {
		l.line(ctx, p.rowOfLine())
		l.sampler.putBack(e, unwritten, l.cfg.Now()) // the line says it, the store does not
	}
	return err
}

// RecordWith calls store with the record of e, so that store can store the record together with its
// own data. It returns the results of store. It implements [backup.Auditor].
func (l *Log) RecordWith(ctx context.Context, e backup.AuditEvent, store func(backup.AuditRow) (bool, error)) (bool, error) {
	return store(backup.AuditRow{Pending: &pending{log: l, ctx: ctx, record: l.record(ctx, e)}})
}

// A pending is a record that has no number in a chain and no seal yet.
type pending struct {
	log    *Log
	ctx    context.Context // context of the request, for the line in the log
	record Record

	mu   sync.Mutex
	last backup.AuditRow // the row of the record, as it was sealed most recently
}

// Trail implements [backup.AuditPending].
func (p *pending) Trail() backup.AuditTrail { return p.log }

// rowOfLine returns the row for the log line of a record that is not stored: the row as it was
// last sealed, or a row without a chain if it was never sealed.
func (p *pending) rowOfLine() backup.AuditRow {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.Chain != "" {
		return p.last
	}
	body, _ := jsontext.Marshal(p.record)
	return backup.AuditRow{Body: string(body)}
}

// Seal gives records their numbers and seals, and lets store store the rows. Then it writes the
// log lines. If store reports that the rows are not stored, the chain is as before. After an
// error it is unknown whether they are stored, so the chain ends: a second row with the same
// number would look like a forged trail. It implements [backup.AuditTrail]. Errors:
// errTurnTimeout, the error of ctx, or that of store.
func (l *Log) Seal(ctx context.Context, records []backup.AuditPending, store func([]backup.AuditRow) (bool, error)) (bool, error) {
	waiting := time.NewTimer(turnTimeout)
	defer waiting.Stop()
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return false, ctx.Err()
	case <-waiting.C:
		return false, errTurnTimeout
	}
	var all []*pending
	end := Head{l.chain, l.next - 1, l.mac}
	if l.chain == "" {
		first, err := l.firstRecord(ctx)
		if err != nil {
			return false, err
		}
		all, end = append(all, &pending{ctx: ctx, record: first}), Head{l.cfg.NewID(), -1, ""}
	}
	for _, r := range records {
		all = append(all, r.(*pending)) // only this package makes them
	}
	var rows []backup.AuditRow
	for _, p := range all {
		row, err := l.rowAfter(end, p)
		if err != nil {
			return false, err
		}
		rows, end = append(rows, row), Head{row.Chain, row.Seq, row.MAC}
	}
	stored, err := store(rows)
	if err != nil {
		if l.chain != "" {
			l.unfinished = &Head{l.chain, l.next - 1, l.mac}
		}
		l.chain = ""
		return false, err
	}
	if stored {
		if l.chain == "" {
			l.unfinished = nil // the first record names it
		}
		l.chain, l.next, l.mac = end.Chain, end.Seq+1, end.MAC
		for i, p := range all {
			l.line(p.ctx, rows[i])
		}
	}
	return stored, nil
}

// firstRecord returns the first record of a new chain. The error is that of the store.
func (l *Log) firstRecord(ctx context.Context) (Record, error) {
	heads, err := l.cfg.Sink.AuditHeads(ctx, l.cfg.Now().Add(-headsAge), maxHeads)
	if err != nil {
		return Record{}, err
	}
	r := l.record(ctx, backup.AuditEvent{Kind: backup.AuditStart})
	r.Request, r.Settings = Request{}, cleanAll(l.cfg.Settings)
	r.After = l.unfinished
	for _, h := range heads {
		r.Heads = append(r.Heads, Head{h.Chain, h.Seq, h.MAC})
	}
	return r, nil
}

// rowAfter returns the record of p as the next row of a chain, after the chain's last row.
func (l *Log) rowAfter(end Head, p *pending) (backup.AuditRow, error) {
	at, r := l.cfg.Now(), p.record
	r.Time, r.Chain, r.Seq = at.UTC().Truncate(time.Microsecond), end.Chain, end.Seq+1
	body, err := jsontext.Marshal(r)
	if err != nil {
		return backup.AuditRow{}, fmt.Errorf("audit: %w", err)
	}
	row := backup.AuditRow{Chain: r.Chain, Seq: r.Seq, At: at, Body: string(body), MAC: seal(l.cfg.Key, end.MAC, string(body))}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = row
	return row, nil
}

// seal returns the MAC of a record with this body, after a record with the MAC previous. It is
// empty without a key.
func seal(key secret.String, previous, body string) string {
	if key.IsZero() {
		return ""
	}
	h := hmac.New(sha256.New, []byte(key.Reveal()))
	lenhash.Write(h, previous, body)
	return hex.EncodeToString(h.Sum(nil))
}

// line writes row to the log. The record is in the line byte for byte as it was sealed, so that
// [ReadLines] can verify it.
func (l *Log) line(ctx context.Context, row backup.AuditRow) {
	l.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "audit", slog.Group("audit",
		slog.String("chain", row.Chain), slog.Int64("seq", row.Seq), slog.String("mac", row.MAC), slog.Any("record", json.RawMessage(row.Body))))
}
