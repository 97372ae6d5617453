package identity

// A GroupLookup describes how a person's groups were searched in the claims of a sign-in. Pages
// show it to explain why a person is in no team; it gives no rights.
type GroupLookup struct {
	Claim  string      // name or path of the claim; empty if the kind of sign-in has no groups
	Result GroupResult // result of the search for groups
}

// A GroupResult is the result of the search for a person's groups in a claim.
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
