package identity

// A GroupLookup says where a sign-in looked for the groups of a person, and what it found. It explains to
// people why they are in no team; it grants nothing.
type GroupLookup struct {
	Claim  string      // name or path of the claim; empty if the kind of sign-in has no groups
	Result GroupResult // what the claim held
}

// A GroupResult is what a sign-in found in the claim with a person's groups.
type GroupResult string

// The results.
const (
	GroupsFound      GroupResult = ""           // at least one group that the policy names
	GroupsMissing    GroupResult = "missing"    // the sender sent no such claim
	GroupsUnanswered GroupResult = "unanswered" // not in the token, and the userinfo endpoint gave no usable answer
	GroupsOverage    GroupResult = "overage"    // left out of the token, because there are too many
	GroupsEmpty      GroupResult = "empty"      // the claim has no group
	GroupsUnreadable GroupResult = "unreadable" // the claim has a form in which the portal finds no groups
	GroupsUnnamed    GroupResult = "unnamed"    // groups, but none that the policy names
)
