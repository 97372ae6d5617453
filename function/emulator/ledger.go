package emulator

import (
	"slices"
	"time"
)

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
var secretParams = []string{"Signature", "SecurityToken", "ExternalId", "x-acs-security-token"}

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
	Common     map[string]string `json:"common"`     // Action, Timestamp and their like; x-acs-action… of V3
	InQuery    []string          `json:"in_query"`   // which of Parameters stood in the URL
	Unknown    []string          `json:"unknown"`    // which of Parameters the operation does not have

	Status    int    `json:"http_status"` // 0 if a fault let nothing be sent
	Code      string `json:"code"`        // of the refusal; empty after a success
	RequestID string `json:"request_id"`
	JobID     string `json:"job_id"` // of the job that this call made, if any

	Effect bool   `json:"effect"` // the operation was carried out, whatever the client was told
	Fault  string `json:"fault"`  // what [Cloud.SetFaults] made of it, as written there; empty: nothing
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
func (c *Cloud) Ledger() Ledger { return c.ledgerSince(time.Time{}, "") }

// ledgerSince leaves out what is older than t, and the calls of other operations
// than action unless that is empty.
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

// CallsOf returns the calls of one operation, like "CreateBackupJob".
func (l Ledger) CallsOf(action string) []Call {
	return slices.DeleteFunc(slices.Clone(l.Calls), func(call Call) bool { return call.Action != action })
}

// Reset forgets all calls and jobs, what AddCrossAccount registered, and what is
// left of a schedule of faults. Credentials and spent nonces stay.
func (c *Cloud) Reset() {
	c.faults.Store(nil)
	c.calls.reset()
	c.hbr.Reset()
}
