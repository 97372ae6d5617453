package emulator

import (
	"slices"
	"sync"
	"time"
)

// maxCalls bounds the journal of an emulator that runs for weeks. The oldest
// calls go first.
const maxCalls = 20_000

// A Ledger is what the emulator saw and made. It is evidence that does not come
// from the program under test, and it never holds a secret: the values of
// Signature, SecurityToken and ExternalId are replaced by [Hidden].
type Ledger struct {
	Calls []Call `json:"calls"` // in the order of their answers
	Jobs  []Job  `json:"jobs"`  // oldest first
}

// Hidden stands where a secret parameter was sent.
const Hidden = "(hidden)"

// secretParams are the parameters whose values the ledger does not keep.
var secretParams = []string{"Signature", "SecurityToken", "ExternalId"}

// A Call is one request that reached "/", refused ones included.
type Call struct {
	Time      time.Time `json:"time"`
	Product   string    `json:"product"` // Sts or hbr; empty if the operation is not known
	Version   string    `json:"version"`
	Action    string    `json:"action"`
	Method    string    `json:"method"`
	Host      string    `json:"host"`
	UserAgent string    `json:"user_agent"`
	Region    string    `json:"region"` // empty for STS, and if a check before it failed
	Caller    Caller    `json:"caller"`

	Parameters map[string]string `json:"parameters"` // of the operation, decoded, otherwise as sent
	Common     map[string]string `json:"common"`     // Action, Timestamp and their like
	InQuery    []string          `json:"in_query"`   // which of Parameters stood in the URL
	Unknown    []string          `json:"unknown"`    // which of Parameters the operation does not have

	Status    int    `json:"http_status"`
	Code      string `json:"code"` // of the refusal; empty after a success
	RequestID string `json:"request_id"`
	JobID     string `json:"job_id"` // of the job that this call made, if any
}

// A Caller is who sent a call. It is zero if the signature was not good.
type Caller struct {
	ARN         string `json:"arn"`
	AccountID   string `json:"account_id"`
	AccessKeyID string `json:"access_key_id"`
	Session     string `json:"session_name"` // RoleSessionName, of an assumed role
}

// A Job is one job, in the state it has when the ledger is read.
type Job struct {
	ID         string            `json:"job_id"`
	Name       string            `json:"job_name"`
	AccountID  string            `json:"account_id"`
	Region     string            `json:"region"`
	SourceType string            `json:"source_type"`
	InstanceID string            `json:"instance_id"`
	Status     string            `json:"status"`
	Progress   int               `json:"progress"` // 0 to 10000
	CreatedAt  time.Time         `json:"created_at"`
	CreatedBy  string            `json:"created_by"` // ARN
	RequestID  string            `json:"request_id"`
	Parameters map[string]string `json:"parameters"`
}

// Ledger returns a copy of all that happened since the start or the last Reset.
func (c *Cloud) Ledger() Ledger {
	now := c.now()
	ledger := Ledger{Calls: c.calls.all(), Jobs: []Job{}}
	for _, j := range c.jobs.all() {
		st := j.schedule.at(now)
		ledger.Jobs = append(ledger.Jobs, Job{
			ID: j.id, Name: j.params["JobName"], AccountID: j.account, Region: j.region,
			SourceType: j.sourceType(), InstanceID: j.params["InstanceId"],
			Status: st.status, Progress: int(st.progress), CreatedAt: j.schedule.created.UTC(),
			CreatedBy: j.caller, RequestID: j.requestID, Parameters: j.params.safe(),
		})
	}
	return ledger
}

// CallsOf returns the calls of one operation, like "CreateBackupJob".
func (l Ledger) CallsOf(action string) []Call {
	return slices.DeleteFunc(slices.Clone(l.Calls), func(call Call) bool { return call.Action != action })
}

// Reset forgets all calls and jobs. Credentials and spent nonces stay.
func (c *Cloud) Reset() {
	c.calls.reset()
	c.jobs.reset()
}

// record writes a call down together with its answer.
func (k *call) record(rep reply) Call {
	own := k.params.operation().safe()
	rec := Call{
		Time: k.at.UTC(), Product: k.op.product, Version: k.params["Version"], Action: k.params["Action"],
		Method: k.http.Method, Host: k.http.Host, UserAgent: k.http.UserAgent(), Region: k.region,
		Parameters: own, Common: map[string]string{}, InQuery: []string{}, Unknown: []string{},
		Status: rep.status, Code: rep.code, RequestID: rep.requestID, JobID: k.jobID,
	}
	if k.op.action != "" {
		rec.Unknown = append(rec.Unknown, k.op.unknown(k.params)...)
	}
	for _, name := range k.query {
		if _, ok := own[name]; ok {
			rec.InQuery = append(rec.InQuery, name)
		}
	}
	for name, v := range k.params.safe() {
		if _, ok := own[name]; !ok {
			rec.Common[name] = v
		}
	}
	if who := k.caller; who.account != nil {
		rec.Caller = Caller{who.arn(), who.account.ID, who.keyID, who.session}
	}
	return rec
}

// safe returns a copy without the values of secrets.
func (p params) safe() map[string]string {
	safe := make(map[string]string, len(p))
	for name, v := range p {
		if slices.Contains(secretParams, name) && v != "" {
			v = Hidden
		}
		safe[name] = v
	}
	return safe
}

// journal keeps the calls, oldest first.
type journal struct {
	mu    sync.Mutex
	calls []Call
}

// add drops the oldest tenth when the journal is full, so that the cost of
// moving the rest is paid rarely.
func (l *journal) add(rec Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) >= maxCalls {
		l.calls = slices.Delete(l.calls, 0, maxCalls/10)
	}
	l.calls = append(l.calls, rec)
}

// all returns a copy that is never nil: in JSON an empty list is [].
func (l *journal) all() []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Call{}, l.calls...)
}

func (l *journal) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = nil
}
