package backup

import (
	"context"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/secret"
)

// Policy decides who may do what. It reads the policy file, and the tags of instances in the
// cloud if a rule names tags. Its methods are safe for concurrent use.
type Policy interface {
	// Hash identifies the policy: the SHA-256 of its file, in hex.
	Hash() string
	// Account returns the account of an alias. The second result is false if the alias is unknown.
	Account(alias string) (Account, bool)
	// Decide returns the grant of the rule that lets p make the backup, or else one mistake for
	// each rule that does not; denied is nil if a rule allows it. given has no defaults yet,
	// because a rule can provide values that the caller left out.
	Decide(ctx context.Context, p identity.Principal, given param.Params) (grant Grant, denied []param.Mistake)
	// May reports whether p may do a with a backup of these complete parameters.
	May(ctx context.Context, p identity.Principal, a Action, complete param.Params) bool
	// PrefetchTags reads the tags that later calls of May with these parameters need, with one
	// request for each account and region. It only saves time; a failure is not reported.
	PrefetchTags(ctx context.Context, p identity.Principal, a Action, complete []param.Params)
	// MayViewRejections reports whether p may view the rejected messages of a sender, which is a source or a
	// kind of event.
	MayViewRejections(p, sender identity.Principal) bool
	// IsOperator reports whether p is in a team of the policy's key operators.
	IsOperator(p identity.Principal) bool
	// MayInRegion reports whether a rule allows p to do a in the region of an account, even if only for some of
	// the resources there.
	MayInRegion(p identity.Principal, a Action, alias, region string) bool
	// CoversVault reports whether a rule lets p make backups like params into the vault.
	CoversVault(p identity.Principal, params param.Params, vault string) bool
	// AccountVisible reports whether a rule for p names the account. A principal must not learn of other
	// accounts.
	AccountVisible(p identity.Principal, alias string) bool
	// CrossAccountAlias returns the alias of an account with [HBRCrossAccount] by its account id and
	// role name. ok is false if the policy has no such account, or if p may not create backups
	// in it.
	CrossAccountAlias(p identity.Principal, id, role string) (alias string, ok bool)
	// Capabilities returns what the portal does in an account.
	Capabilities(alias string) Capabilities
	// Presets returns the presets that p may use, in the order of the policy: those with values that a
	// rule for p allows.
	Presets(p identity.Principal) []Preset
}

// Preset is a named set of parameters in the policy. A request that names it leaves these parameters
// out.
type Preset struct {
	Name               string // the value of the parameter Preset
	Title, Description param.Text
	// Values has at least SourceType. It never has Preset, and no parameter that follows from the
	// account. It must not be changed.
	Values param.Params
}

// Action is what a principal does with backups, with the words of the policy file.
type Action string

// The actions. Permission to create or to cancel includes permission to view.
const (
	ActionCreate Action = "backup.create"
	ActionView   Action = "backup.view"
	ActionCancel Action = "backup.cancel"
)

// Actions lists all actions.
var Actions = []Action{ActionCreate, ActionView, ActionCancel}

// Grant is what the policy attaches to a backup that it allows.
type Grant struct {
	Rule     string        // id of the rule that allows the backup
	Values   param.Params  // for parameters that the caller left out
	Cooldown time.Duration // minimum time between two backups of one resource; 0: none
	Rates    []Rate        // all of them must have a request left
	Quotas   []Quota       // all of them must have a backup left
}

// Rate allows Burst requests at once, and in the long run Burst requests in each Per.
type Rate struct {
	// Key says which requests share the rate: "a:" and an alias, "p:" and the id of a principal,
	// or "s:" and a source. [Service] uses more prefixes for rates of its own.
	Key   string
	Burst int // at least 1
	Per   time.Duration
}

// Quota is a number of backups for each day of UTC.
type Quota struct {
	Key string // which backups share the quota: "a:" and an alias, or "t:" and a team
	Day int    // backups in one day; 0 allows none
}

// Capabilities lists what the portal does in one account, according to all rules.
type Capabilities struct {
	Create, Cancel, View bool               // whether a rule allows the action
	Tags                 bool               // whether it reads the tags of instances
	Sources              []param.SourceType // types of the backups that may be created
	Seen                 []param.SourceType // types of the backups that may be viewed
}

// Account is an account of the policy. No value comes from a request.
type Account struct {
	Alias      string
	Name       param.Text // for people, beside the alias; empty if the policy has none
	ID         string     // 16 digits; text, because the number can exceed 2^53
	Access     Access
	Role       string        // name of the role in that account; empty if Access is Own
	ExternalID secret.String // for AssumeRole, if the role requires it; else empty

	ExternalIDVariable string // environment variable that contains ExternalID

	Session time.Duration // lifetime of credentials from AssumeRole; 0: 15 minutes

	// Through is set only with HBRCrossAccount: the account, reached with AssumeRole, whose role
	// makes the calls and which keeps the backups. Nil means the portal's own account.
	Through *Account
	Regions []string
}

// Label returns the name of the account for people: "Production (prod)", or the alias if the
// policy gives no name.
func (a Account) Label() param.Text { return Label(a.Name, a.Alias) }

// Label puts id in parentheses behind name in both languages. If name is empty,
// it returns id alone.
func Label(name param.Text, id string) param.Text {
	if name == (param.Text{}) {
		return param.Both(id, id)
	}
	return param.Both(name.En+" ("+id+")", name.Zh+"（"+id+"）")
}

// RoleARN returns the resource name of the account's role. It is always built from ID and Role
// and never taken from a request.
func (a Account) RoleARN() string { return "acs:ram::" + a.ID + ":role/" + a.Role }

// Caller returns the account whose credentials sign the calls for a: a.Through if it is set,
// otherwise a.
func (a Account) Caller() Account {
	if a.Through != nil {
		return *a.Through
	}
	return a
}

// Access is how the portal reaches the resources of an account.
type Access string

// The kinds of access. AssumeRole and HBRCrossAccount are not combined for one account: the
// snapshot and its copy would be in different accounts.
const (
	Own             Access = "own"               // the account in which the portal runs
	AssumeRole      Access = "assume_role"       // calls STS AssumeRole and acts as that account
	HBRCrossAccount Access = "hbr_cross_account" // uses the CrossAccount parameters of Cloud Backup
)
