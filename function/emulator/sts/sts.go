// Package sts carries out the operations of STS.
//
// AssumeRole has two independent conditions: the caller's policies allow the action on the role,
// and the trust policy of the role allows the caller. The credentials that it issues are stored
// in the [Keyring], next to the permanent keys of the world; authentication reads them there.
//
//	operation           permission                                  answer
//	AssumeRole          sts:AssumeRole on the role, and its trust   temporary credentials
//	GetCallerIdentity   none                                        account, user or session
package sts

import (
	"net/http"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// A Service carries out the operations of STS. It is safe for concurrent use.
type Service struct {
	World world.Index // accounts and roles
	Keys  *Keyring    // stores the issued credentials
}

// Limits of the page of AssumeRole: the shortest session, and the longest Policy in characters.
const (
	minSession     = 900 * time.Second
	maxPolicyChars = 2048
)

// sessionShape matches a valid RoleSessionName, a parameter of AssumeRole.
var sessionShape = regexp.MustCompile(`^[A-Za-z0-9.@_-]{2,64}$`)

// An assumeRoleAnswer is the reply of AssumeRole; all values are texts. Its Arn contains role/…,
// while GetCallerIdentity reports assumed-role/… for the same session.
type assumeRoleAnswer struct {
	RequestId       string
	AssumedRoleUser struct{ Arn, AssumedRoleId string }
	Credentials     struct{ AccessKeyId, AccessKeySecret, SecurityToken, Expiration string }
}

// AssumeRole is the operation AssumeRole of STS. A role that does not exist and a role that
// refuses the caller have different errors. The refusal does not say which condition of the
// trust policy failed.
//
// Errors: the errors of checkAssumeRole, EntityNotExist.Role, NoPermission,
// InvalidParameter.DurationSeconds.
func (s *Service) AssumeRole(k *rpc.Call) (any, error) {
	limits, err := checkAssumeRole(k.Params)
	if err != nil {
		return nil, err
	}
	arn := k.Params["RoleArn"]
	account, role := s.World.RoleByARN(arn)
	if role == nil {
		return nil, rpc.Refuse(http.StatusNotFound, "EntityNotExist.Role", "the role %s does not exist", arn)
	}
	if err := s.mayAssume(k, account, role); err != nil {
		return nil, err
	}
	length, err := sessionLength(k.Params["DurationSeconds"], role)
	if err != nil {
		return nil, err
	}
	session := k.Params["RoleSessionName"]
	identity := rpc.Identity{Account: account, Role: role, Session: session, Limits: limits}
	cred := s.Keys.issue(identity, k.At, k.At.Add(length))

	ans := assumeRoleAnswer{RequestId: k.ID}
	ans.AssumedRoleUser.Arn = account.RoleARN(role.Name) + "/" + session
	ans.AssumedRoleUser.AssumedRoleId = rpc.EntityID(account.RoleARN(role.Name)) + ":" + session
	ans.Credentials.AccessKeyId, ans.Credentials.AccessKeySecret = cred.KeyID, cred.Secret
	ans.Credentials.SecurityToken = cred.token
	ans.Credentials.Expiration = cred.Expires.UTC().Format(rpc.TimestampLayout)
	return ans, nil
}

// checkAssumeRole checks the form of the parameters, not whether the role exists. It returns
// the session policy, or nil if there is none. Errors: Missing<name>, InvalidParameter.<name>.
func checkAssumeRole(p rpc.Params) (ram.Policy, error) {
	arn, session := p["RoleArn"], p["RoleSessionName"]
	switch {
	case arn == "":
		return nil, rpc.Missing("RoleArn")
	case session == "":
		return nil, rpc.Missing("RoleSessionName")
	case !world.ARNShape.MatchString(arn):
		return nil, invalidParameter("RoleArn", "the arn is not of the form acs:ram::<account>:role/<name>")
	case !sessionShape.MatchString(session):
		return nil, invalidParameter("RoleSessionName", "2 to 64 letters, digits and . @ - _ are allowed")
	case p["ExternalId"] != "" && !world.IsExternalID(p["ExternalId"]):
		return nil, invalidParameter("ExternalId", "2 to 1224 letters, digits and _ + = , . @ : / - are allowed")
	}
	policy := p["Policy"]
	if policy == "" {
		return nil, nil
	}
	if utf8.RuneCountInString(policy) > maxPolicyChars {
		return nil, invalidParameter("PolicySize", "a policy has at most 2048 characters")
	}
	limits, err := ram.ParsePolicy(policy)
	if err == nil {
		err = limits.CheckIdentity()
	}
	if err != nil {
		return nil, invalidParameter("PolicyGrammar", err.Error())
	}
	return limits, nil
}

// invalidParameter returns STS's refusal of a value that the page does not allow. Unlike the
// gateway's, its code contains the parameter.
func invalidParameter(what, message string) error {
	return rpc.Refuse(http.StatusBadRequest, "InvalidParameter."+what, "%s", message)
}

// mayAssume returns a refusal unless the caller's policies and the role's trust policy both
// allow the call. An account's root user is always refused. That refusal has no details,
// because no policy can change it.
func (s *Service) mayAssume(k *rpc.Call, account *world.Account, role *world.Role) error {
	if k.Caller.IsRoot() {
		return rpc.Refuse(http.StatusForbidden, "NoPermission", "Roles may not be assumed by root accounts.")
	}
	q := ram.Question{Action: "sts:AssumeRole", Resource: account.RoleARN(role.Name), Key: k.ConditionKeys()}
	layers := append(k.Caller.Layers(q), rpc.Layer{
		PolicyType: rpc.TrustPolicy,
		Verdict:    role.TrustsPrincipal(k.Caller.Principal(), k.Caller.Account.RootARN(), q),
	})
	if d := k.Caller.Denied(q, layers); d != nil {
		return rpc.NoPermission(k, d)
	}
	return nil
}

// sessionLength parses DurationSeconds. Without a value it returns one hour, or the maximum of
// the role if that is shorter.
func sessionLength(text string, role *world.Role) (time.Duration, error) {
	longest := role.LongestSession()
	if text == "" {
		return min(world.DefaultSession, longest), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 32)
	length := time.Duration(seconds) * time.Second
	if err != nil || length < minSession || length > longest {
		return 0, invalidParameter("DurationSeconds", "seconds from 900 to the role's maximum are allowed")
	}
	return length, nil
}

// A callerIdentityAnswer is the reply of GetCallerIdentity; all values are texts. UserId is
// present for accounts and users, RoleId for roles.
type callerIdentityAnswer struct {
	RequestId, IdentityType, AccountId, PrincipalId, Arn string

	UserId string `json:",omitempty"`
	RoleId string `json:",omitempty"`
}

// GetCallerIdentity is the operation GetCallerIdentity of STS. It needs no permission.
func (s *Service) GetCallerIdentity(k *rpc.Call) (any, error) {
	identity := k.Caller
	ans := callerIdentityAnswer{RequestId: k.ID, AccountId: identity.Account.ID, Arn: identity.ARN()}
	switch {
	case identity.Role != nil:
		ans.IdentityType = "AssumedRoleUser"
		ans.RoleId = rpc.EntityID(identity.Principal())
		ans.PrincipalId = ans.RoleId + ":" + identity.Session
	case identity.User != nil:
		ans.IdentityType, ans.UserId = "RAMUser", rpc.EntityID(identity.ARN())
		ans.PrincipalId = ans.UserId
	default:
		ans.IdentityType, ans.UserId, ans.PrincipalId = "Account", identity.Account.ID, identity.Account.ID
	}
	return ans, nil
}
