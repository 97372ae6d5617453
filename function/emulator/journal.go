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

// Limits of the journal (the list of recorded calls), so that an emulator that runs for a long
// time does not use up the memory. The oldest calls are removed first.
const (
	maxCalls     = 20_000
	maxCallBytes = 64 << 20 // names and values of all parameters
)

// An entry is one recorded call. It is converted to a [Call] only when the ledger is read,
// because most entries of a load test are never read.
type entry struct {
	rpc.Call // without HTTP, which would keep the connection in memory

	method, host, agent string
	reply               fault.Reply // the answer, without its body
	size                int         // names and values of the parameters, in bytes
}

// newEntry copies the parts of a call that the ledger shows. It shares the parameter maps, which
// nothing changes after the answer.
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

// record converts the entry to a Call. Only here are secrets hidden and unknown names of
// parameters found, so that this costs no time during the recorded call.
func (e *entry) record() Call {
	sent := e.Params.Operation()
	own := withoutSecrets(sent)
	rec := Call{
		Time: e.At.UTC(), Product: e.Op.Product, Version: e.Signing.Version, Action: e.Signing.Action,
		Method: e.method, Host: e.host, UserAgent: e.agent, Region: e.Region,
		Parameters: own, Common: withoutSecrets(e.Headers), InQuery: []string{}, Unknown: []string{},
		Status: e.reply.Status, Code: e.reply.Code, RequestID: e.reply.RequestID, JobID: e.JobID,
		Effect: e.Effect, Fault: fault.Join(e.Injection.Faults, " + "),
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

// withoutSecrets returns a copy of p in which the values of secret parameters are replaced by
// [Hidden].
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

// A journal keeps the recorded calls, oldest first. It is safe for concurrent use. It holds its
// lock only for a few instructions for each call, and while it copies pointers for a reader.
type journal struct {
	mu    sync.Mutex
	calls []*entry
	bytes int
}

// add records a call, and removes the oldest calls above the limits.
func (l *journal) add(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, e)
	l.bytes += e.size
	for len(l.calls) > maxCalls || l.bytes > maxCallBytes {
		l.bytes -= l.calls[0].size
		l.calls[0] = nil // or the array would keep the entry in memory
		l.calls = l.calls[1:]
	}
}

// since returns the calls from time t on, of one operation or, if action is empty, of all. It
// never returns nil, because an empty list is [] in JSON.
func (l *journal) since(t time.Time, action string) []Call {
	l.mu.Lock()
	entries := slices.Clone(l.calls)
	l.mu.Unlock() // converting takes long; new calls must not wait
	calls := []Call{}
	for _, e := range entries {
		if !e.At.Before(t) && (action == "" || action == e.Signing.Action) {
			calls = append(calls, e.record())
		}
	}
	return calls
}

// reset removes all calls.
func (l *journal) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.bytes = nil, 0
}
