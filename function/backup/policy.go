package backup

import (
	"context"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/secret"
)

// Policy says who may do what. Its answers come from the policy file, and from the
// cloud only where the file names tags of instances: whatever else it is asked
// for comes after them.
type Policy interface {
	// Hash identifies the policy: the SHA-256 of its file, in hex.
	Hash() string
	// Account finds what an alias stands for.
	Account(alias string) (Account, bool)
	// Decide returns what the rule grants that lets p make the backup, or else
	// why each rule does not. What a caller did not give a rule may: so it
	// is asked before defaults are added.
	Decide(ctx context.Context, p identity.Principal, given param.Params) (grant Grant, denied []param.Mistake)
	// May reports whether p may do this with a submission of a backup with these
	// parameters.
	May(ctx context.Context, p identity.Principal, a Action, complete param.Params) bool
	// PrefetchTags is told of the submissions about which May will be asked, so that
	// what it needs to know is read at once.
	PrefetchTags(ctx context.Context, p identity.Principal, a Action, complete []param.Params)
	// Reaches reports whether p may do this in the region of an account at all.
	Reaches(p identity.Principal, a Action, alias, region string) bool
	// CoversVault reports whether a rule lets p make backups like params in a vault.
	CoversVault(p identity.Principal, params param.Params, vault string) bool
	// Names reports whether a rule for p names the account.
	Names(p identity.Principal, alias string) bool
	// Registered finds the account that Cloud Backup goes into by its ID and the name
	// of the role there, if p may create backups in it.
	Registered(p identity.Principal, id, role string) (alias string, ok bool)
	// Capabilities is what the portal does in an account.
	Capabilities(alias string) Capabilities
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

// A Grant is what the policy says to a backup that it allows.
type Grant struct {
	Rule     string        // id of the rule
	Values   param.Params  // what the rule gives where the caller gave nothing
	Cooldown time.Duration // least time between two backups of one resource; 0: none
	Rates    []Rate        // each of them must allow the backup
	Quotas   []Quota       // each of them must allow the backup
}

// A Rate allows Burst backups at once and, in the long run, Burst in each Per.
type Rate struct {
	Key   string // what is counted: "a:" and an alias, "p:" and a principal's ID, or "s:" and a source
	Burst int    // at least 1
	Per   time.Duration
}

// A Quota is a number of backups in a day of UTC.
type Quota struct {
	Key string // what is counted: "a:" and an alias, or "t:" and a team
	Day int    // backups
}

// Capabilities is what the policy has the portal do in an account.
type Capabilities struct {
	Create, Cancel, View bool
	Tags                 bool               // of instances are read
	Sources              []param.SourceType // of the backups that are created
	Seen                 []param.SourceType // of those that are looked at
}

// An Account is what an alias in the policy stands for. Nothing of it ever
// comes from a request.
type Account struct {
	Alias      string
	ID         string // 16 digits; text, since it may exceed 2^53
	Access     Access
	Role       string        // the role's name in that account, unless Access is Own
	ExternalID secret.String // for AssumeRole, if the role demands one

	ExternalIDVariable string // of the environment, which holds it

	Session time.Duration // of AssumeRole, how long credentials are asked for; 0: 15 minutes

	// Through is the account, with AssumeRole, whose role makes the calls for one
	// with HBRCrossAccount, and in which its backups are kept; nil: the portal's own.
	Through *Account
	Regions []string
}

// RoleARN is the resource name of the account's role, built and never accepted.
func (a Account) RoleARN() string { return "acs:ram::" + a.ID + ":role/" + a.Role }

// Caller is the account whose credentials calls for a are signed with, as long as
// that is not the portal's own.
func (a Account) Caller() Account {
	if a.Through != nil {
		return *a.Through
	}
	return a
}

// An Access says how the portal reaches the resources of an account.
type Access string

// The ways into an account. The last two are never combined: with both, the
// snapshot would be of one account and its copy of another.
const (
	Own             Access = "own"               // the account in which the portal runs
	AssumeRole      Access = "assume_role"       // STS AssumeRole, then act as that account
	HBRCrossAccount Access = "hbr_cross_account" // the service's own CrossAccount* parameters
)
