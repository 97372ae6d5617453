package backup

import (
	"context"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// Preflight says of each condition for p's backups in an account whether it holds.
// Of params it needs Account and Region; an instance or a vault that they name is
// looked for, too. It calls the cloud in p's name and changes nothing there. An
// account, a region, a resource or a vault that is not for p is [ErrNotFound], whether
// it exists or not; other errors are an [param.InvalidError], a [*LimitError] and
// [ErrStoreUnavailable].
func (s *Service) Preflight(ctx context.Context, p identity.Principal, params param.Params) ([]AccessCheck, error) {
	alias, region := params["Account"], params["Region"]
	if !s.Policy.Reaches(p, ActionCreate, alias, region) {
		return nil, ErrNotFound
	}
	account, _ := s.Policy.Account(alias)
	params = params.WithDefaults()
	if err := params.CheckValues(); err != nil {
		return nil, err
	}
	for _, f := range param.Fields {
		if !f.ForSource(params.SourceType()) {
			delete(params, f.Name) // no rule would be asked about it
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
	if err := s.limiter().pace(ctx, p, "g:", usualChecks); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	target := Target{Account: account, Region: region, Principal: p}
	return s.Cloud.Preflight(limited, target, s.Policy.Capabilities(alias), params), nil
}

// usualChecks is how often one principal may have access checked, which takes some
// twenty calls, and checkTime how long that may take.
var usualChecks = Rate{Burst: 10, Per: time.Minute}

const checkTime = 40 * time.Second

// A AccessCheck is one of the conditions that must hold for a backup to be made in an
// account, in the order in which they stand on each other.
type AccessCheck struct {
	ID       string // stable: "credentials", "trust", "hbr:CreateBackupJob"…
	Title    param.Text
	State    CheckState
	Finding  param.Text // what was found; empty if it was not reached
	Evidence Evidence
	Fixes    []Fix // what would mend it, if it failed
}

// A CheckState is how a rung was found.
type CheckState string

// The states of a rung.
const (
	CheckOK         CheckState = "ok"
	CheckFailed     CheckState = "failed"
	CheckNotReached CheckState = "not_reached" // what it stands on failed
)

// Evidence is what the cloud said. What it did not say is empty.
type Evidence struct {
	Operation string // that was called: "sts:AssumeRole"
	Code      string
	RequestID string
	Denial    Denial
	Identity  string // resource name of whoever called
}

// A Denial is why RAM refused a call ("AccessDeniedDetail").
type Denial struct {
	Action     string // that is not allowed: "hbr:CreateBackupJob"
	PolicyType string // that does not allow it: "AccountLevelIdentityBasedPolicy"…
	Kind       string // "ImplicitDeny": nothing allows it; "ExplicitDeny": something forbids it
}

// A Fix is something to paste, and where.
type Fix struct {
	Title param.Text
	Code  string // a policy document, or a command; without any secret
}
