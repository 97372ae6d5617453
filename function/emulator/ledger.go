package emulator

import (
	"slices"
	"time"
)

// A Ledger lists the calls that the emulator received and the jobs that it created. Tests use it
// as evidence that is independent of the program under test. It holds no secrets: the values of
// Signature, SecurityToken and ExternalId are replaced by [Hidden].
type Ledger struct {
	Calls []Call `json:"calls"` // in the order of their replies
	Jobs  []Job  `json:"jobs"`  // oldest first
}

// Hidden replaces the value of a secret parameter.
const Hidden = "(hidden)"

// secretParams are the parameters whose values are secret.
var secretParams = []string{"Signature", "SecurityToken", "ExternalId", "x-acs-security-token"}

// A Call is one request to "/", including refused ones.
type Call struct {
	Time      time.Time `json:"time"`    // time of arrival; later if a fault delayed the call before its effect
	Product   string    `json:"product"` // Sts, hbr or Ecs; empty if the operation is unknown
	Version   string    `json:"version"`
	Action    string    `json:"action"`
	Method    string    `json:"method"`
	Host      string    `json:"host"`
	UserAgent string    `json:"user_agent"`
	Region    string    `json:"region"` // empty for operations without a region, and if an earlier check failed
	Caller    Caller    `json:"caller"`

	Parameters map[string]string `json:"parameters"` // parameters of the operation, decoded, otherwise as sent
	Common     map[string]string `json:"common"`     // all other parameters; with V3 the headers x-acs-*
	InQuery    []string          `json:"in_query"`   // names in Parameters that were in the URL
	Unknown    []string          `json:"unknown"`    // names in Parameters that the operation does not have

	Status    int    `json:"http_status"` // 0 if no reply was sent
	Code      string `json:"code"`        // error code of the refusal; empty after a success
	RequestID string `json:"request_id"`
	JobID     string `json:"job_id"` // id of the job that the call created; empty if it created no job

	Effect bool   `json:"effect"` // the operation was carried out, regardless of the reply
	Fault  string `json:"fault"`  // faults of the call, as in a schedule; empty: no fault
}

// A Caller is the sender of a call. It is zero if the signature was wrong or was not checked.
type Caller struct {
	ARN         string `json:"arn"`
	AccountID   string `json:"account_id"`
	AccessKeyID string `json:"access_key_id"`
	Session     string `json:"session_name"` // RoleSessionName of an assumed role
}

// A Job is one job, in its state at the time when the ledger was read.
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
	CreatedBy  string            `json:"created_by"` // ARN of the caller
	RequestID  string            `json:"request_id"`
	Parameters map[string]string `json:"parameters"`
}

// Ledger returns a copy of all calls and jobs since the start or the last Reset. The journal may
// have removed the oldest calls.
func (c *Cloud) Ledger() Ledger { return c.ledgerSince(time.Time{}, "") }

// ledgerSince returns the calls and jobs from time t on. Calls are filtered by action unless it
// is empty; jobs are not.
func (c *Cloud) ledgerSince(t time.Time, action string) Ledger {
	now := c.now()
	ledger := Ledger{Calls: c.calls.since(t, action), Jobs: []Job{}}
	for _, j := range c.hbr.JobsSince(t) {
		st := j.Schedule.At(now)
		ledger.Jobs = append(ledger.Jobs, Job{
			ID: j.ID, Name: j.Params["JobName"], AccountID: j.Account, Region: j.Region,
			SourceType: j.SourceType(), InstanceID: j.Params["InstanceId"],
			Status: st.Status, Progress: int(st.Progress), CreatedAt: j.Schedule.Created.UTC(),
			CreatedBy: j.Caller, RequestID: j.RequestID, Parameters: withoutSecrets(j.Params),
		})
	}
	return ledger
}

// CallsOf returns the calls of one operation, such as "CreateBackupJob".
func (l Ledger) CallsOf(action string) []Call {
	return slices.DeleteFunc(slices.Clone(l.Calls), func(call Call) bool { return call.Action != action })
}

// Reset removes all calls and jobs, registrations by AddCrossAccount, service-linked roles that
// calls created, and the schedule of faults. It restores registrations of the world that
// DeleteCrossAccount deleted. Credentials stay valid and used nonces stay used.
func (c *Cloud) Reset() {
	c.faults.Store(nil)
	c.calls.reset()
	c.hbr.Reset()
}
