package backup

import (
	"context"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// Preflight checks each condition that backups of p in an account need. params must have
// Account and Region; if they name a resource or a vault, that is checked too. The calls are
// made in the name of p and change nothing.
//
// The error is [ErrNotFound] if the account, region, resource or vault is not allowed for p,
// even if it exists. Other errors are [param.InvalidError], a [*LimitError] with [ErrRequests],
// and [ErrStoreUnavailable].
func (s *Service) Preflight(ctx context.Context, p identity.Principal, params param.Params) ([]AccessCheck, error) {
	alias, region := params["Account"], params["Region"]
	if !s.Policy.MayInRegion(p, ActionCreate, alias, region) {
		return nil, ErrNotFound
	}
	account, _ := s.Policy.Account(alias)
	params = params.WithDefaults()
	if err := params.CheckValues(); err != nil {
		return nil, err
	}
	for _, f := range param.Fields {
		if !f.ForSource(params.SourceType()) {
			delete(params, f.Name) // the rules do not apply to it
		}
	}
	if vault := params["VaultId"]; vault != "" && !s.Policy.CoversVault(p, params, vault) {
		return nil, ErrNotFound
	}
	if params["InstanceId"] != "" || params["ContainerClusterId"] != "" {
		if !s.Policy.May(ctx, p, ActionCreate, params) {
			return nil, ErrNotFound
		}
	}
	if err := s.limiter().countRequest(ctx, p, "g:", preflightRate); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, preflightTimeout)
	defer cancel()
	target := Target{Account: account, Region: region, Principal: p}
	return s.Cloud.Preflight(limited, target, s.Policy.Capabilities(alias), params), nil
}

// preflightRate is how often one principal may run Preflight, which makes about twenty calls.
var preflightRate = Rate{Burst: 10, Per: time.Minute}

// preflightTimeout limits one run of Preflight.
const preflightTimeout = 40 * time.Second

// AccessCheck is one condition that must be met before a backup can be made in an account. A
// later check usually needs the earlier ones, so their order matters.
type AccessCheck struct {
	ID       string // does not change: "credentials", "trust", "hbr:CreateBackupJob"…
	Title    param.Text
	State    CheckState
	Finding  param.Text // the result in words; empty if the check was not reached
	Evidence Evidence
	Fixes    []Fix // what would correct a failed check
}

// CheckState is the result of an [AccessCheck].
type CheckState string

// The results of a check.
const (
	CheckOK         CheckState = "ok"
	CheckFailed     CheckState = "failed"
	CheckNotReached CheckState = "not_reached" // a check that it depends on failed
)

// Evidence is the cloud's answer from which an [AccessCheck] got its result. Values that the
// cloud did not state are empty.
type Evidence struct {
	Operation string // the call: "sts:AssumeRole"
	Code      string // the error code; empty on success
	Message   string // the cloud's error message, cleaned; may be empty
	RequestID string
	Denial    Denial
	Identity  string // resource name of the caller
}

// Denial is the reason why RAM refused a call (AccessDeniedDetail in the answer).
type Denial struct {
	Action     string // the action that is not allowed: "hbr:CreateBackupJob"
	PolicyType string // the kind of policy that does not allow it: "AccountLevelIdentityBasedPolicy"…
	Kind       string // "ImplicitDeny": no statement allows it; "ExplicitDeny": a statement forbids it
}

// Fix is a text to copy that would correct the cause of a failed check. Its Title says where to
// use it.
type Fix struct {
	Title param.Text
	Code  string // a policy document or a command; without secrets
}
