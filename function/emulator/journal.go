package emulator

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"backupportal/function/emulator/fault"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
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
	rpc.Call // without the request, which would keep its connection in memory

	method, host, agent string
	reply               fault.Reply // without the body
	size                int         // of the parameters, in bytes
}

// newEntry takes what a Call needs, and lets go of the rest. The parameters are
// not copied: nobody writes to them after the answer.
func newEntry(k *rpc.Call, rep fault.Reply) *entry {
	e := &entry{Call: *k, method: k.HTTP.Method, host: k.HTTP.Host, agent: k.HTTP.UserAgent(), reply: rep}
	e.HTTP, e.reply.Body = nil, nil
	e.Signing = sign.Signing{
		Action:  cmp.Or(k.Signing.Action, k.Params["Action"]),
		Version: cmp.Or(k.Signing.Version, k.Params["Version"]),
	}
	for _, p := range []rpc.Params{k.Params, k.Headers} {
		for name, v := range p {
			e.size += len(name) + len(v)
		}
	}
	return e
}

// record writes an entry out. Secrets stay behind here, and unknown names are
// found here, so that neither costs the call anything.
func (e *entry) record() Call {
	sent := e.Params.Operation()
	own := withoutSecrets(sent)
	rec := Call{
		Time: e.At.UTC(), Product: e.Op.Product, Version: e.Signing.Version, Action: e.Signing.Action,
		Method: e.method, Host: e.host, UserAgent: e.agent, Region: e.Region,
		Parameters: own, Common: withoutSecrets(e.Headers), InQuery: []string{}, Unknown: []string{},
		Status: e.reply.Status, Code: e.reply.Code, RequestID: e.reply.RequestID, JobID: e.JobID,
		Effect: e.Effect, Fault: fault.Join(e.Course.Faults, " + "),
	}
	if e.Op.Action != "" {
		rec.Unknown = append(rec.Unknown, e.Op.Unknown(sent)...)
	}
	for _, name := range e.Query {
		if _, ok := own[name]; ok {
			rec.InQuery = append(rec.InQuery, name)
		}
	}
	maps.Copy(rec.Common, withoutSecrets(e.Params))
	maps.DeleteFunc(rec.Common, func(name, _ string) bool { _, ok := own[name]; return ok })
	if who := e.Caller; who.Account != nil {
		rec.Caller = Caller{who.ARN(), who.Account.ID, who.KeyID, who.Session}
	}
	return rec
}

// safe returns a copy without the values of secrets.
func withoutSecrets(p rpc.Params) map[string]string {
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
		if !e.At.Before(t) && (action == "" || action == e.Signing.Action) {
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
