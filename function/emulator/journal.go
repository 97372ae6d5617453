package emulator

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Bounds of the journal of an emulator that runs for weeks or under load. The
// oldest calls go first.
const (
	maxCalls     = 20_000
	maxCallBytes = 64 << 20 // of all parameters together
)

// An entry is one call as it was when its answer was complete. It becomes a
// [Call] only when somebody reads the ledger, because most entries of a load
// test are never read.
type entry struct {
	call // without the request, which would keep its connection in memory

	method, host, agent string
	reply               reply // without the body
	size                int   // of the parameters, in bytes
}

// newEntry takes what a Call needs, and lets go of the rest. The parameters are
// not copied: nobody writes to them after the answer.
func newEntry(k *call, rep reply) *entry {
	e := &entry{call: *k, method: k.http.Method, host: k.http.Host, agent: k.http.UserAgent(), reply: rep}
	e.http, e.reply.body = nil, nil
	e.signing = signing{
		action:  cmp.Or(k.signing.action, k.params["Action"]),
		version: cmp.Or(k.signing.version, k.params["Version"]),
	}
	for _, p := range []params{k.params, k.headers} {
		for name, v := range p {
			e.size += len(name) + len(v)
		}
	}
	return e
}

// record writes an entry out. Secrets stay behind here, and unknown names are
// found here, so that neither costs the call anything.
func (e *entry) record() Call {
	sent := e.params.operation()
	own := safe(sent)
	rec := Call{
		Time: e.at.UTC(), Product: e.op.product, Version: e.signing.version, Action: e.signing.action,
		Method: e.method, Host: e.host, UserAgent: e.agent, Region: e.region,
		Parameters: own, Common: safe(e.headers), InQuery: []string{}, Unknown: []string{},
		Status: e.reply.status, Code: e.reply.code, RequestID: e.reply.requestID, JobID: e.jobID,
		Effect: e.effect, Fault: join(e.course.faults, " + "),
	}
	if e.op.action != "" {
		rec.Unknown = append(rec.Unknown, e.op.unknown(sent)...)
	}
	for _, name := range e.query {
		if _, ok := own[name]; ok {
			rec.InQuery = append(rec.InQuery, name)
		}
	}
	maps.Copy(rec.Common, safe(e.params))
	maps.DeleteFunc(rec.Common, func(name, _ string) bool { _, ok := own[name]; return ok })
	if who := e.caller; who.account != nil {
		rec.Caller = Caller{who.arn(), who.account.ID, who.keyID, who.session}
	}
	return rec
}

// safe returns a copy without the values of secrets.
func safe(p params) map[string]string {
	kept := make(map[string]string, len(p))
	for name, v := range p {
		if slices.Contains(secretParams, name) && v != "" {
			v = Hidden
		}
		kept[name] = v
	}
	return kept
}

// journal keeps the calls, oldest first. Its lock is held for a few
// instructions per call, and for copying pointers when it is read.
type journal struct {
	mu    sync.Mutex
	calls []*entry
	bytes int
}

func (l *journal) add(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, e)
	l.bytes += e.size
	for len(l.calls) > maxCalls || l.bytes > maxCallBytes {
		l.bytes -= l.calls[0].size
		l.calls[0] = nil // or the array would keep it
		l.calls = l.calls[1:]
	}
}

// since returns the calls of an operation since a moment, or of all of them if
// action is empty. It is never nil: in JSON an empty list is [].
func (l *journal) since(t time.Time, action string) []Call {
	l.mu.Lock()
	entries := slices.Clone(l.calls)
	l.mu.Unlock() // writing them out may take long, and calls go on
	calls := []Call{}
	for _, e := range entries {
		if !e.at.Before(t) && (action == "" || action == e.signing.action) {
			calls = append(calls, e.record())
		}
	}
	return calls
}

func (l *journal) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.bytes = nil, 0
}
