package rpc

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"backupportal/function/emulator/ram"
)

// A Layer is the answer of one type of policy; all layers must allow.
type Layer struct {
	PolicyType string
	Verdict    ram.Verdict
}

// Policy types, by the documentation of RAM's access denied errors. ControlPolicy
// and ResourceGroupLevelIdentityBasedPolicy are not emulated.
const (
	IdentityPolicy = "AccountLevelIdentityBasedPolicy"
	SessionPolicy  = "SessionPolicy"
	TrustPolicy    = "AssumeRolePolicy"
)

// Layers asks the policies of the caller itself. An account needs none.
func (id Identity) Layers(q ram.Question) []Layer {
	switch {
	case id.User != nil:
		return []Layer{{IdentityPolicy, ram.Evaluate(q, id.User.Policies...)}}
	case id.Role == nil:
		return nil
	}
	// A session policy grants nothing by itself: both layers have to allow.
	own := []Layer{{IdentityPolicy, ram.Evaluate(q, id.Role.Policies...)}}
	if id.Limits != nil {
		own = append(own, Layer{SessionPolicy, ram.Evaluate(q, id.Limits)})
	}
	return own
}

// An AccessDenied is AccessDeniedDetail: which policy is in the way, and whose.
type AccessDenied struct {
	AuthAction               string
	AuthPrincipalDisplayName string
	AuthPrincipalOwnerId     string
	AuthPrincipalType        string // SubUser or AssumedRoleUser
	NoPermissionType         string // ImplicitDeny or ExplicitDeny
	PolicyType               string
}

// Denied returns nil if every layer allows. A Deny anywhere is told before what
// is merely not allowed; in which order the vendor looks is not documented.
func (id Identity) Denied(q ram.Question, layers []Layer) *AccessDenied {
	// Whoever reads a refusal must not be sent to add a permission that a Deny
	// would take away again.
	for _, wrong := range []ram.Verdict{ram.ExplicitDeny, ram.ImplicitDeny} {
		for _, l := range layers {
			if l.Verdict != wrong {
				continue
			}
			d := &AccessDenied{
				AuthAction: q.Action, AuthPrincipalDisplayName: id.displayName(), AuthPrincipalOwnerId: id.Account.ID,
				AuthPrincipalType: "SubUser", NoPermissionType: "ImplicitDeny", PolicyType: l.PolicyType,
			}
			if id.Role != nil {
				d.AuthPrincipalType = "AssumedRoleUser"
			}
			if wrong == ram.ExplicitDeny {
				d.NoPermissionType = "ExplicitDeny"
			}
			return d
		}
	}
	return nil
}

// Resource is what an operation is about, for RAM. Cloud Backup authorises per
// operation, never per resource, so only statements about "*" count; ECS lists
// need the kind of thing that they list.
func (k *Call) Resource() string {
	if k.Op.Product != "Ecs" {
		return "*"
	}
	var kind string
	switch k.Op.Action {
	case "DescribeInstances":
		kind = "instance/*"
	case "DescribeDisks":
		kind = "disk/*"
	default:
		return "*"
	}
	return "acs:ecs:" + k.Region + ":" + k.Caller.Account.ID + ":" + kind
}

// Require refuses a call whose caller may not do something.
func (k *Call) Require(action, resource string) error {
	q := ram.Question{Action: action, Resource: resource, Key: k.ConditionKeys()}
	if d := k.Caller.Denied(q, k.Caller.Layers(q)); d != nil {
		return NoPermission(k, d)
	}
	return nil
}

// ConditionKeys returns the condition keys of a call. Case does not count in them: the
// vendor writes both acs:PrincipalARN and acs:PrincipalArn.
func (k *Call) ConditionKeys() func(string) (string, bool) {
	return func(name string) (string, bool) {
		switch strings.ToLower(name) {
		case "acs:currenttime":
			return k.At.UTC().Format(time.RFC3339), true
		case "acs:sourceip":
			host, _, err := net.SplitHostPort(k.HTTP.RemoteAddr)
			return host, err == nil
		case "acs:securetransport":
			return strconv.FormatBool(k.Secure), true
		case "acs:mfapresent": // a request that is signed by a key has none
			return "false", true
		case "acs:principalarn":
			return k.Caller.Principal(), true
		case "sts:externalid": // spelt as in the trust policies of the vendor's console; a guess
			id := k.Params["ExternalId"]
			return id, id != ""
		}
		return "", false
	}
}

// NoPermission is the refusal of RAM in the words of the product that was
// called.
func NoPermission(k *Call, why *AccessDenied) error {
	r := refusal{status: http.StatusForbidden, code: "NoPermission", denied: why,
		message: "You are not authorized to do this action. You should be authorized by RAM."}
	if k.Op.Product == "Ecs" {
		r.code = "Forbidden.RAM"
		r.message = "User not authorized to operate on the specified resource, or this API doesn't support RAM."
	}
	return r
}
