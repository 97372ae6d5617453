package rpc

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"backupportal/function/emulator/ram"
)

// A Layer is the decision of all RAM policies of one type. A call is allowed only if every
// layer allows it.
type Layer struct {
	PolicyType string
	Verdict    ram.Verdict
}

// Types of policies, as RAM names them in its refusals. The emulator does not evaluate the
// types ControlPolicy and ResourceGroupLevelIdentityBasedPolicy.
const (
	IdentityPolicy = "AccountLevelIdentityBasedPolicy"
	SessionPolicy  = "SessionPolicy"
	TrustPolicy    = "AssumeRolePolicy"
)

// Layers evaluates the caller's own policies. It returns nil for the account itself, which needs
// no policy.
func (id Identity) Layers(q ram.Question) []Layer {
	switch {
	case id.User != nil:
		return []Layer{{IdentityPolicy, ram.Evaluate(q, id.User.Policies...)}}
	case id.Role == nil:
		return nil
	}
	// A session policy grants nothing by itself, so it is a layer of its own.
	own := []Layer{{IdentityPolicy, ram.Evaluate(q, id.Role.Policies...)}}
	if id.Limits != nil {
		own = append(own, Layer{SessionPolicy, ram.Evaluate(q, id.Limits)})
	}
	return own
}

// An AccessDenied is the member AccessDeniedDetail of a refusal: it says which policy refused
// which action to whom.
type AccessDenied struct {
	AuthAction               string // action of RAM
	AuthPrincipalDisplayName string // the caller
	AuthPrincipalOwnerId     string // account of the caller
	AuthPrincipalType        string // SubUser or AssumedRoleUser
	NoPermissionType         string // ImplicitDeny or ExplicitDeny
	PolicyType               string // type of the policy that denied the action
}

// Denied returns nil if every layer allows the action. Otherwise it describes the first layer
// with an explicit deny, or the first one without an allow (ImplicitDeny) if no layer denies
// explicitly. The vendor does not document this order. An explicit deny comes first because
// adding a permission would not help against it.
func (id Identity) Denied(q ram.Question, layers []Layer) *AccessDenied {
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

// Resource returns the resource on which RAM checks the permission of the call. For Cloud
// Backup it is "*", because its permissions do not distinguish resources. For listings of ECS
// it is the type of the listed resources.
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

// Require returns nil if the caller may perform action on resource, otherwise a refusal with
// AccessDeniedDetail (NoPermission).
func (k *Call) Require(action, resource string) error {
	q := ram.Question{Action: action, Resource: resource, Key: k.ConditionKeys()}
	if d := k.Caller.Denied(q, k.Caller.Layers(q)); d != nil {
		return NoPermission(k, d)
	}
	return nil
}

// ConditionKeys returns a function that looks up a condition key of the call. The function
// returns false for a key without a value. Names are compared without case, because the vendor
// writes both acs:PrincipalARN and acs:PrincipalArn.
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
		case "acs:mfapresent": // a request signed by an access key has no MFA
			return "false", true
		case "acs:principalarn":
			return k.Caller.Principal(), true
		case "sts:externalid": // name as in trust policies of the vendor's console; not documented
			id := k.Params["ExternalId"]
			return id, id != ""
		}
		return "", false
	}
}

// NoPermission returns RAM's refusal with why as its detail: Forbidden.RAM for ECS, NoPermission
// for all other products.
func NoPermission(k *Call, why *AccessDenied) error {
	r := cloudError{status: http.StatusForbidden, code: "NoPermission", denied: why,
		message: "You are not authorized to do this action. You should be authorized by RAM."}
	if k.Op.Product == "Ecs" {
		r.code = "Forbidden.RAM"
		r.message = "User not authorized to operate on the specified resource, or this API doesn't support RAM."
	}
	return r
}
