// Package sts answers the operations of STS.
//
// AssumeRole needs both sides: the policies of the caller allow it, and the trust
// policy of the role lets the caller in. What it issues goes into a [Keyring],
// beside the permanent keys of the world, where the gateway finds it.
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

// A Service answers the operations of STS.
type Service struct {
	World world.Index // what exists
	Keys  *Keyring    // gets the credentials that are issued
}

// Limits of the AssumeRole page.
const (
	minSession     = 900 * time.Second
	maxPolicyChars = 2048
)

// sessionShape is that of a RoleSessionName.
var sessionShape = regexp.MustCompile(`^[A-Za-z0-9.@_-]{2,64}$`)

// assumeRoleAnswer is the reply of AssumeRole, all texts. Its Arn says role/…,
// where GetCallerIdentity says assumed-role/… for the same session.
type assumeRoleAnswer struct {
	RequestId       string
	AssumedRoleUser struct{ Arn, AssumedRoleId string }
	Credentials     struct{ AccessKeyId, AccessKeySecret, SecurityToken, Expiration string }
}

// AssumeRole is STS AssumeRole. A role that does not exist is told from one
// that may not be assumed; why it may not is not told.
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

// checkAssumeRole judges the parameters by themselves and returns the session
// policy, or nil without one.
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

// bad is STS's answer to a value that its page does not allow. Unlike the
// gateway it names the parameter in the code.
func invalidParameter(what, message string) error {
	return rpc.Refuse(http.StatusBadRequest, "InvalidParameter."+what, "%s", message)
}

// mayAssume needs both sides: the caller's own policies allow the call on that
// role, and the role's trust policy lets the caller in. The account itself is
// always refused, with no detail, since no policy could change that.
func (s *Service) mayAssume(k *rpc.Call, account *world.Account, role *world.Role) error {
	if k.Caller.IsRoot() {
		return rpc.Refuse(http.StatusForbidden, "NoPermission", "Roles may not be assumed by root accounts.")
	}
	q := ram.Question{Action: "sts:AssumeRole", Resource: account.RoleARN(role.Name), Key: k.ConditionKeys()}
	layers := append(k.Caller.Layers(q), rpc.Layer{PolicyType: rpc.TrustPolicy, Verdict: role.TrustsPrincipal(k.Caller.Principal(), k.Caller.Account.RootARN(), q)})
	if d := k.Caller.Denied(q, layers); d != nil {
		return rpc.NoPermission(k, d)
	}
	return nil
}

// sessionLength takes seconds. Without any it is an hour, or the role's maximum
// if that is less.
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

// callerIdentityAnswer is the reply of GetCallerIdentity, all texts. UserId is
// only there for accounts and users, RoleId only for roles.
type callerIdentityAnswer struct {
	RequestId, IdentityType, AccountId, PrincipalId, Arn string

	UserId string `json:",omitempty"`
	RoleId string `json:",omitempty"`
}

// GetCallerIdentity is STS GetCallerIdentity, which needs no permission.
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
