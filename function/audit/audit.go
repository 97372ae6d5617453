// Package audit writes the audit trail.
//
// A record says who asked for what, what the policy decided, what the portal was
// about to do, or what the result was. Each record is a row in the store and a
// line in the log.
//
// The records of a process form a chain: they are numbered, and with a key each
// is sealed together with the one before it, so that a record that was changed,
// left out or moved shows. A chain that was cut off at its end still looks
// whole; so each chain begins with the ends of those before it. What protects
// more lies outside: a log store into which the portal may only write, and the
// cloud's own trail.
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
	"time"

	"backupportal/function/backup"
	"backupportal/function/jsontext"
	"backupportal/function/lenhash"
	"backupportal/function/secret"
)

// A Sink keeps rows.
type Sink interface {
	// Audit stores a row. After an error it may be there or not.
	Audit(ctx context.Context, row backup.AuditRow) error
	// AuditHeads returns the last rows of the chains that had a row since then,
	// the newest first and at most limit of them. Their bodies are left out.
	AuditHeads(ctx context.Context, since time.Time, limit int) ([]backup.AuditRow, error)
}

// Config says what a [Log] needs. Key, Policy and Settings may be empty.
type Config struct {
	Sink     Sink
	Key      secret.String // seals the chain; see [CheckKey]
	Log      *slog.Logger
	Now      func() time.Time
	NewID    func() string     // names a chain
	Build    string            // version of the program
	Policy   string            // hash of the policy in force
	Settings map[string]string // what the program was told, without secrets
}

// Limits of the first record of a chain.
const (
	headsAge  = 24 * time.Hour
	mostHeads = 100
)

// patience is how long a record waits for those before it: they are written
// one after another.
const patience = 5 * time.Second

// errBusy says that the records before were not written in time.
var errBusy = errors.New("audit: the records before this one are not written yet")

// A Log writes one chain, and begins another one when it no longer knows how
// the last one ended. [New] makes one; a process needs one.
type Log struct {
	cfg     Config
	turn    chan struct{} // held by whoever writes
	sampler sampler

	// What follows is for whoever has the turn.
	chain string // empty: none is begun
	next  int64  // number of the next record
	mac   string // of the last record
	left  *Head  // of the chain before, which ended with an error
}

var _ backup.Auditor = (*Log)(nil)

// New returns a log that begins its chain with the first record.
func New(cfg Config) (*Log, error) {
	if !cfg.Key.IsZero() {
		if err := CheckKey(cfg.Key); err != nil {
			return nil, err
		}
	}
	return &Log{cfg: cfg, turn: make(chan struct{}, 1), sampler: sampler{seen: map[sampleKey]*count{}}}, nil
}

// leastKey is how many bytes a key has at least.
const leastKey = 32

// CheckKey refuses keys that are too short: an empty one would be a valid key.
func CheckKey(key secret.String) error {
	if len(key.Reveal()) < leastKey {
		return fmt.Errorf("the key must have at least %d characters: make one with openssl rand -base64 32", leastKey)
	}
	return nil
}

// Record implements [backup.Auditor]. The line in the log is written even if the
// row cannot be.
func (l *Log) Record(ctx context.Context, e backup.AuditEvent) error {
	unwritten, write := l.sampler.take(e, l.cfg.Now())
	if !write {
		return nil
	}
	return l.write(ctx, e, unwritten)
}

// Flush implements [backup.Auditor].
func (l *Log) Flush(ctx context.Context, all bool) error {
	var errs []error
	for e, n := range l.sampler.pending(l.cfg.Now(), all) {
		err := l.write(ctx, *e, n-1) // it is the last of them
		if err != nil {
			l.sampler.putBack(*e, 1, l.cfg.Now())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// write writes an event down, for so many more like it.
func (l *Log) write(ctx context.Context, e backup.AuditEvent, unwritten int) error {
	r := l.record(ctx, e)
	r.Unwritten = unwritten
	var row backup.AuditRow
	_, err := l.inTurn(ctx, r, func(made backup.AuditRow) (bool, error) {
		row = made
		err := l.cfg.Sink.Audit(ctx, made)
		return err == nil, err
	})
	if err != nil && row.Chain == "" {
		// The chain could not even be begun: a line that belongs to none is better than nothing.
		body, _ := jsontext.Marshal(r)
		row.Body = string(body)
	}
	if err != nil {
		l.line(ctx, row)
		l.sampler.putBack(e, unwritten, l.cfg.Now()) // the line says it, the store does not
	}
	return err
}

// Along implements [backup.Auditor].
func (l *Log) Along(ctx context.Context, e backup.AuditEvent, store func(backup.AuditRow) (bool, error)) (bool, error) {
	return l.inTurn(ctx, l.record(ctx, e), store)
}

// inTurn makes a row of r and has it stored, alone: the next one follows on it.
func (l *Log) inTurn(
	ctx context.Context,
	r Record,
	store func(backup.AuditRow) (bool, error),
) (stored bool, err error) {
	waiting := time.NewTimer(patience)
	defer waiting.Stop()
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return false, ctx.Err()
	case <-waiting.C:
		return false, errBusy
	}
	if l.chain == "" {
		if err := l.begin(ctx); err != nil {
			return false, err
		}
	}
	return l.add(ctx, r, store)
}

// begin writes the first record of a new chain.
func (l *Log) begin(ctx context.Context) error {
	heads, err := l.cfg.Sink.AuditHeads(ctx, l.cfg.Now().Add(-headsAge), mostHeads)
	if err != nil {
		return err
	}
	r := l.record(ctx, backup.AuditEvent{Kind: backup.AuditStart})
	r.Request, r.Settings = Request{}, cleanAll(l.cfg.Settings)
	r.After = l.left
	for _, h := range heads {
		r.Heads = append(r.Heads, Head{h.Chain, h.Seq, h.MAC})
	}
	l.chain, l.next, l.mac = l.cfg.NewID(), 0, ""
	_, err = l.add(ctx, r, func(row backup.AuditRow) (bool, error) {
		err := l.cfg.Sink.Audit(ctx, row)
		return err == nil, err
	})
	if err == nil {
		l.left = nil
	}
	return err
}

// add stores the next record of the chain. After an error nobody knows whether
// it is there, so the chain ends.
func (l *Log) add(ctx context.Context, r Record, store func(backup.AuditRow) (bool, error)) (bool, error) {
	at := l.cfg.Now()
	r.Time, r.Chain, r.Seq = at.UTC().Truncate(time.Microsecond), l.chain, l.next
	body, err := jsontext.Marshal(r)
	if err != nil {
		return false, fmt.Errorf("audit: %w", err)
	}
	row := backup.AuditRow{
		Chain: l.chain,
		Seq:   l.next,
		At:    at,
		Body:  string(body),
		MAC:   seal(l.cfg.Key, l.mac, string(body)),
	}
	stored, err := store(row)
	if err != nil {
		if l.next > 0 {
			l.left = &Head{l.chain, l.next - 1, l.mac}
		}
		l.chain = ""
		return false, err
	}
	if stored {
		l.next, l.mac = l.next+1, row.MAC
		l.line(ctx, row)
	}
	return stored, nil
}

// seal is the MAC of a record that follows on one with the MAC previous; empty
// without a key.
func seal(key secret.String, previous, body string) string {
	if key.IsZero() {
		return ""
	}
	h := hmac.New(sha256.New, []byte(key.Reveal()))
	lenhash.Write(h, previous, body)
	return hex.EncodeToString(h.Sum(nil))
}

// line writes row to the log. Its record stands there byte for byte as it was
// sealed.
func (l *Log) line(ctx context.Context, row backup.AuditRow) {
	l.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "audit", slog.Group("audit",
		slog.String("chain", row.Chain), slog.Int64("seq", row.Seq), slog.String("mac", row.MAC), slog.Any("record", json.RawMessage(row.Body))))
}
