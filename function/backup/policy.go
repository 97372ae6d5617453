package backup

import (
	"context"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/secret"
)

// Policy decides who may do what. It reads the policy file. If a rule names tags, it also reads
// the tags of instances from the cloud. Its methods are safe for concurrent use.
type Policy interface {
	// Hash identifies the policy: the SHA-256 of its file, in hex.
	Hash() string
	// Account returns the account of an alias. The second result is false if the alias is unknown.
	Account(alias string) (Account, bool)
	// Decide returns the grant of the rule that allows p to make the backup; denied is then
	// nil. If no rule allows it, denied has the first condition that is not met of each rule.
	// given must not have defaults yet, because a rule can add values that the caller left out.
	Decide(ctx context.Context, p identity.Principal, given param.Params) (grant Grant, denied []param.Mistake)
	// May reports whether p may do a with a backup of these complete parameters.
	May(ctx context.Context, p identity.Principal, a Action, complete param.Params) bool
	// PrefetchTags reads the tags that later calls of May with these parameters need, with one
	// request for each account and region. It only saves time, so it reports no failure.
	PrefetchTags(ctx context.Context, p identity.Principal, a Action, complete []param.Params)
	// MayViewRejections reports whether p may view the rejected messages of a sender. A sender
	// is a source of webhooks or a kind of event.
	MayViewRejections(p, sender identity.Principal) bool
	// IsOperator reports whether p is in a team of the policy's key operators.
	IsOperator(p identity.Principal) bool
	// MayInRegion reports whether a rule allows p the action a in a region of an account, even
	// if only for some of the resources there.
	MayInRegion(p identity.Principal, a Action, alias, region string) bool
	// CoversVault reports whether a rule lets p make backups like params into the vault.
	CoversVault(p identity.Principal, params param.Params, vault string) bool
	// AccountVisible reports whether a rule for p names the account. The portal must not reveal
	// other accounts to p.
	AccountVisible(p identity.Principal, alias string) bool
	// CrossAccountAlias returns the alias of an account with the access [HBRCrossAccount] by
	// its account id and role name. ok is false if the policy has no such account, or if p may
	// not create backups in it.
	CrossAccountAlias(p identity.Principal, id, role string) (alias string, ok bool)
	// Capabilities returns what the portal does in an account.
	Capabilities(alias string) Capabilities
	// Presets returns the presets that p may use, in the order of the policy: those whose
	// values a rule allows for p.
	Presets(p identity.Principal) []Preset
}

// Preset is a named set of parameters in the policy. A request that names it does not need to
// give these parameters.
type Preset struct {
	Name               string // the value of the parameter Preset
	Title, Description param.Text
	// Values has at least SourceType. It never has Preset, or a parameter that follows from the
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

// Grant is what the policy adds to a backup that it allows: values, limits and a cool-down.
type Grant struct {
	Rule     string        // id of the rule that allows the backup
	Values   param.Params  // values of parameters that the caller left out
	Cooldown time.Duration // minimum time between two backups of one resource; 0: no minimum
	Rates    []Rate        // all of them must have a request left
	Quotas   []Quota       // all of them must have a backup left
}

// Rate allows Burst requests at once, and on average Burst requests in each Per.
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
	Day int    // maximum number of backups in one day; 0: no backup is allowed
}

// Capabilities lists what the rules of the policy together let the portal do in one account.
type Capabilities struct {
	Create, Cancel, View bool               // whether a rule allows the action
	Tags                 bool               // whether it reads the tags of instances
	Sources              []param.SourceType // types of the backups that may be created
	Seen                 []param.SourceType // types of the backups that may be viewed
}

// Account is an account of the policy. No value comes from a request.
type Account struct {
	Alias      string
	Name       param.Text // name for people, shown beside the alias; empty if the policy gives no name
	ID         string     // 16 digits; text, because the number can exceed 2^53
	Access     Access
	Role       string        // name of the role in that account; empty if Access is Own
	ExternalID secret.String // for AssumeRole, if the role requires it; otherwise empty

	ExternalIDVariable string // environment variable that contains ExternalID

	Session time.Duration // lifetime of credentials from AssumeRole; 0: 15 minutes

	// Through is set only with the access HBRCrossAccount. It is an account with the access
	// AssumeRole, whose role makes the calls and in which the backups are stored. Nil means the
	// portal's own account.
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
// otherwise a itself.
func (a Account) Caller() Account {
	if a.Through != nil {
		return *a.Through
	}
	return a
}

// Access is how the portal reaches the resources of an account.
type Access string

// The kinds of access. AssumeRole and HBRCrossAccount are not combined for one account, because
// the snapshot and its copy would be in different accounts.
const (
	Own             Access = "own"               // the account in which the portal runs
	AssumeRole      Access = "assume_role"       // calls STS AssumeRole and acts as that account
	HBRCrossAccount Access = "hbr_cross_account" // uses the CrossAccount parameters of Cloud Backup
)
