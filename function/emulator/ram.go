package emulator

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A question is what RAM is asked about one call: may this be done to that. The
// condition keys are those of the call.
type question struct {
	action, resource string
	key              func(name string) (string, bool)
}

// A verdict is what one policy, or several of one type together, answer.
type verdict int

// The zero verdict is the safe one.
const (
	implicitDeny verdict = iota // nothing speaks of it
	allowed
	explicitDeny // a Deny, which wins over every Allow
)

// evaluate has the answer of policies of one type.
func evaluate(q question, policies ...Policy) verdict {
	answer := implicitDeny
	for _, p := range policies {
		for _, s := range p {
			if !s.covers(q) {
				continue
			}
			if s.Effect == "Deny" {
				return explicitDeny
			}
			answer = allowed
		}
	}
	return answer
}

// covers reports whether a statement speaks of what is asked, whatever its effect.
func (s *Statement) covers(q question) bool {
	if matchesAny(s.NotActions, q.action) || (len(s.NotActions) == 0 && !matchesAny(s.Actions, q.action)) {
		return false
	}
	return (len(s.Resources) == 0 || matchesAny(s.Resources, q.resource)) &&
		(len(s.Conditions) == 0 || s.Conditions.hold(q.key))
}

// matchesAny ignores case: that of actions does not count by "Policy elements",
// and the vendor's own texts write role names in ARNs in lower case even where
// the role has capitals.
func matchesAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		return p == "*" || matches(strings.ToLower(p), strings.ToLower(text))
	})
}

// matches compares the whole text; "*" stands for any run of characters, "?"
// for one. Going back to the last "*" only is enough, so nothing is tried more
// often than the lengths multiplied: patterns come from clients.
func matches(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	star, resume, i, j := -1, 0, 0, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, resume = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i, j = i+1, j+1
		case star >= 0:
			resume++
			i, j = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(string(p[i:]), "*") == ""
}

// A layer is the answer of one type of policy; all layers must allow.
type layer struct {
	policyType string
	verdict    verdict
}

// Policy types, by the documentation of RAM's access denied errors. ControlPolicy
// and ResourceGroupLevelIdentityBasedPolicy are not emulated.
const (
	identityPolicy = "AccountLevelIdentityBasedPolicy"
	sessionPolicy  = "SessionPolicy"
	trustPolicy    = "AssumeRolePolicy"
)

// layers asks the policies of the caller itself. An account needs none.
func (id identity) layers(q question) []layer {
	switch {
	case id.user != nil:
		return []layer{{identityPolicy, evaluate(q, id.user.Policies...)}}
	case id.role == nil:
		return nil
	}
	// A session policy grants nothing by itself: both layers have to allow.
	own := []layer{{identityPolicy, evaluate(q, id.role.Policies...)}}
	if id.limits != nil {
		own = append(own, layer{sessionPolicy, evaluate(q, id.limits)})
	}
	return own
}

// An accessDenied is AccessDeniedDetail: which policy is in the way, and whose.
type accessDenied struct {
	AuthAction               string
	AuthPrincipalDisplayName string
	AuthPrincipalOwnerId     string
	AuthPrincipalType        string // SubUser or AssumedRoleUser
	NoPermissionType         string // ImplicitDeny or ExplicitDeny
	PolicyType               string
}

// denied returns nil if every layer allows. A Deny anywhere is told before what
// is merely not allowed; in which order the vendor looks is not documented.
func (id identity) denied(q question, layers []layer) *accessDenied {
	// Whoever reads a refusal must not be sent to add a permission that a Deny
	// would take away again.
	for _, wrong := range []verdict{explicitDeny, implicitDeny} {
		for _, l := range layers {
			if l.verdict != wrong {
				continue
			}
			d := &accessDenied{
				AuthAction: q.action, AuthPrincipalDisplayName: id.displayName(), AuthPrincipalOwnerId: id.account.ID,
				AuthPrincipalType: "SubUser", NoPermissionType: "ImplicitDeny", PolicyType: l.policyType,
			}
			if id.role != nil {
				d.AuthPrincipalType = "AssumedRoleUser"
			}
			if wrong == explicitDeny {
				d.NoPermissionType = "ExplicitDeny"
			}
			return d
		}
	}
	return nil
}

// resource is what an operation is about, for RAM. Cloud Backup authorises per
// operation, never per resource, so only statements about "*" count; ECS lists
// need the kind of thing that they list.
func (k *call) resource() string {
	if k.op.product != "Ecs" {
		return "*"
	}
	var kind string
	switch k.op.action {
	case "DescribeInstances":
		kind = "instance/*"
	case "DescribeDisks":
		kind = "disk/*"
	default:
		return "*"
	}
	return "acs:ecs:" + k.region + ":" + k.caller.account.ID + ":" + kind
}

// require refuses a call whose caller may not do something.
func (k *call) require(action, resource string) error {
	q := question{action, resource, k.conditionKeys()}
	if d := k.caller.denied(q, k.caller.layers(q)); d != nil {
		return noPermission(k, d)
	}
	return nil
}

// conditionKeys returns the condition keys of a call. Case does not count in them: the
// vendor writes both acs:PrincipalARN and acs:PrincipalArn.
func (k *call) conditionKeys() func(string) (string, bool) {
	return func(name string) (string, bool) {
		switch strings.ToLower(name) {
		case "acs:currenttime":
			return k.at.UTC().Format(time.RFC3339), true
		case "acs:sourceip":
			host, _, err := net.SplitHostPort(k.http.RemoteAddr)
			return host, err == nil
		case "acs:securetransport":
			return strconv.FormatBool(k.secure), true
		case "acs:mfapresent": // a request that is signed by a key has none
			return "false", true
		case "acs:principalarn":
			return k.caller.principal(), true
		case "sts:externalid": // spelt as in the trust policies of the vendor's console; a guess
			id := k.params["ExternalId"]
			return id, id != ""
		}
		return "", false
	}
}

// noPermission is the refusal of RAM in the words of the product that was
// called.
func noPermission(k *call, why *accessDenied) error {
	r := refusal{status: http.StatusForbidden, code: "NoPermission", denied: why,
		message: "You are not authorized to do this action. You should be authorized by RAM."}
	if k.op.product == "Ecs" {
		r.code = "Forbidden.RAM"
		r.message = "User not authorized to operate on the specified resource, or this API doesn't support RAM."
	}
	return r
}
