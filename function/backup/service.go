package backup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// Policy says who may do what. Its answers come from the policy file, and from the
// cloud only where the file names tags of instances: whatever else it is asked
// for comes after them.
type Policy interface {
	// Account finds what an alias stands for.
	Account(alias string) (Account, bool)
	// Decide returns what the rule grants that lets p make the backup, or else
	// why each rule does not. What a caller did not give a rule may: so it
	// is asked before defaults are added.
	Decide(ctx context.Context, p identity.Principal, given param.Params) (grant Grant, denied []param.Mistake)
	// May reports whether p may do this with a submission of a backup with these
	// parameters.
	May(ctx context.Context, p identity.Principal, a Action, complete param.Params) bool
	// Foresee is told of the submissions about which May will be asked, so that
	// what it needs to know is read at once.
	Foresee(ctx context.Context, p identity.Principal, a Action, complete []param.Params)
	// Reaches reports whether p may do this in the region of an account at all.
	Reaches(p identity.Principal, a Action, alias, region string) bool
	// CoversVault reports whether a rule lets p make backups like params in a vault.
	CoversVault(p identity.Principal, params param.Params, vault string) bool
	// Names reports whether a rule for p names the account.
	Names(p identity.Principal, alias string) bool
	// Registered finds the account that Cloud Backup goes into by its ID and the name
	// of the role there, if p may create backups in it.
	Registered(p identity.Principal, id, role string) (alias string, ok bool)
	// Uses is what the portal does in an account.
	Uses(alias string) Uses
}

// An Action is what somebody does with backups, in the words of the policy.
type Action string

// The actions. Whoever may create or cancel may view.
const (
	ActionCreate Action = "backup.create"
	ActionView   Action = "backup.view"
	ActionCancel Action = "backup.cancel"
)

// Actions are all of them.
var Actions = []Action{ActionCreate, ActionView, ActionCancel}

// Service makes backups. Submit is the one way in, whatever the door.
type Service struct {
	Cloud  Cloud
	Store  Store
	Limits Limits // what the policy's grants are counted in
	// Requests is how many requests each principal may send; zero means
	// [UsualRequests].
	Requests Rate
	Policy   Policy
	Log      *slog.Logger
	Now      func() time.Time                                 // wall clock: instances freeze
	NewID    func() string                                    // random text, for owners of steps
	Wait     func(ctx context.Context, d time.Duration) error // sleeps between two attempts

	// Audit keeps the audit trail; nil, in tests, keeps none. What it cannot write
	// down beforehand is not done.
	Audit Auditor

	// Messenger tells others of events; nil if nobody is to be told.
	Messenger Messenger
	// Announced wakes SweepEvery when there is something to tell: a channel with
	// room for one. Nil wakes nobody, and the next sweep tells it.
	Announced chan struct{}

	// ListFirst is for stores that may forget: the cloud's list is searched
	// before even the first attempt.
	ListFirst bool
	// Settle is how long after the window of an attempt its job surely shows in
	// the cloud's list, with clocks that are up to 10 s apart, each 5 s off the
	// store's. Zero means 60 s. Less than the truth makes second jobs.
	Settle time.Duration
}

// Prepare checks sub and asks the policy, and returns the call that Submit
// would make. It touches neither store nor cloud, unless the policy names tags
// of instances. Its errors are an
// [param.InvalidError] or, with the call that may not be made, a [*DeniedError].
func (s *Service) Prepare(ctx context.Context, sub Submission) (Call, error) {
	given := s.named(sub)
	grant, denied := s.Policy.Decide(ctx, sub.Principal, given)
	complete, account, err := s.complete(sub.Principal, given, grant)
	if err != nil {
		return Call{}, err
	}
	complete["JobName"] = sub.JobName()
	call := Call{Target: Target{Account: account, Region: complete["Region"], Principal: sub.Principal}, Params: complete, Grant: grant}
	if denied != nil {
		return call, &DeniedError{Lines: denied}
	}
	return call, nil
}

// named is what sub says, with the alias of the account if it names the account as
// the API does. Only an account of the policy in which the principal may create
// backups is found so.
func (s *Service) named(sub Submission) param.Params {
	p := sub.Params
	if p["Account"] != "" || p["CrossAccountUserId"] == "" {
		return p
	}
	alias, ok := s.Policy.Registered(sub.Principal, p["CrossAccountUserId"], p["CrossAccountRoleName"])
	if !ok {
		return p
	}
	p = maps.Clone(p)
	p["Account"] = alias
	return p
}

// complete checks what a caller gave, and adds what the grant gives, what the
// account alias stands for, and the defaults. An account ID or a role name in a
// request is refused unless it is that of the account: the portal may assume roles
// that its callers may not.
// Of an account that no rule names for them nobody learns that it exists.
func (s *Service) complete(who identity.Principal, given param.Params, grant Grant) (param.Params, Account, error) {
	var bad param.InvalidError
	p := grant.over(given).WithDefaults()
	account, known := s.Policy.Account(p["Account"])
	if !s.Policy.Names(who, p["Account"]) {
		account, known = Account{}, false
	}
	kept := keptIn(account.Access)
	if given["CrossAccountType"] != "" && known && given["CrossAccountType"] != kept {
		bad = append(bad, param.Mistake{Field: "CrossAccountType", Code: "alias", Text: msgKept, Args: []any{account.Alias, kept}})
	}
	registered := known && account.Access == HBRCrossAccount
	if id := given["CrossAccountUserId"]; id != "" && !(registered && id == account.ID) {
		bad = append(bad, param.Mistake{Field: "CrossAccountUserId", Code: "alias", Text: msgAccountID})
	}
	if name := given["CrossAccountRoleName"]; name != "" && !(registered && name == account.Role) {
		bad = append(bad, param.Mistake{Field: "CrossAccountRoleName", Code: "alias", Text: msgRoleName})
	}
	delete(p, "CrossAccountUserId")
	delete(p, "CrossAccountRoleName")
	p["CrossAccountType"] = kept
	if account.Access == HBRCrossAccount {
		p["CrossAccountUserId"], p["CrossAccountRoleName"] = account.ID, account.Role
	}
	if rest, ok := errors.AsType[param.InvalidError](p.Validate()); ok {
		bad = append(bad, rest...)
	}
	return p, account, bad.OrNil()
}

// keptIn is the CrossAccountType that goes with a way into an account.
func keptIn(a Access) string {
	if a == HBRCrossAccount {
		return "CROSS_ACCOUNT"
	}
	return "SELF_ACCOUNT"
}

// Previews writes the exact call for sub without making it.
func (s *Service) Previews(ctx context.Context, sub Submission) (Call, []Preview, error) {
	call, err := s.Prepare(ctx, sub)
	if err != nil {
		return Call{}, nil, err
	}
	return call, s.Cloud.Previews(call), nil
}

// Explain says what a code means and what can be done about it: one of the
// cloud's, or one of those that Submit writes itself.
func (s *Service) Explain(code string) Explanation {
	switch code {
	case gaveUp:
		return Explanation{
			Means: param.Both("The request was tried many times, and Cloud Backup never made a job of it.", "请求已尝试多次，云备份始终没有创建任务。"),
			Todo:  param.Both("Ask again with a new form, or a new key.", "请使用新的表单或新的键重新提交。"), Caller: true,
		}
	case notListed:
		return Explanation{
			Means: param.Both("The answer was lost, and Cloud Backup lists no such job.", "未收到答复，且云备份中没有对应的任务。"),
			Todo:  param.Both("The same request can be sent again.", "可以再次提交同一请求。"), Caller: true,
		}
	}
	return s.Cloud.Explain(code)
}

// ExplainJob says what a code means with which a job ended, or a request about
// one was answered.
func (s *Service) ExplainJob(code string) Explanation { return s.Cloud.ExplainJob(code) }

// listable is the SourceType by which jobs of kind t can be listed:
// DescribeBackupJobs2 has no CONTAINER among its values.
func listable(t param.SourceType) param.SourceType {
	if t == param.Container {
		return ""
	}
	return t
}

// target is where r was sent, by the policy in force, for whoever asks about it
// now.
func (s *Service) target(r Record, asks identity.Principal) (Target, error) {
	account, ok := s.Policy.Account(r.Account())
	switch {
	case !ok:
		return Target{}, fmt.Errorf("backup: account %q is no longer in the policy", r.Account())
	case account.ID != r.AccountID || account.Access != r.Access:
		// Another account's list says nothing about this one's jobs.
		return Target{}, fmt.Errorf("backup: account %q stands for another account than when the submission was made", r.Account())
	}
	return Target{Account: account, Region: r.Region(), Principal: asks}, nil
}

func (s *Service) find(ctx context.Context, id string) (Record, error) {
	r, err := s.Store.Find(ctx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		err = away(err)
	}
	return r, err
}

// Sleep waits for d, or until ctx ends, and then says why it did. It is what
// [Service] waits with outside tests.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// The sentences for parameters that name an account in another way than by its alias.
var (
	msgAccountID = param.Both("account IDs are not accepted: name an account by its alias", "不接受账号 ID：请使用账号别名")
	msgRoleName  = param.Both("role names are not accepted: name an account by its alias", "不接受角色名称：请使用账号别名")
	msgKept      = param.Both("account “%v” is backed up as %v", "账号“%v”的备份方式为 %v")
)
