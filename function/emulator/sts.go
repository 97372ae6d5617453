package emulator

import (
	"net/http"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"
)

// An stsService answers the operations of STS.
type stsService struct {
	world index    // what exists
	keys  *keyring // gets the credentials that are issued
}

// Limits of the AssumeRole page.
const (
	minSession     = 900 * time.Second
	defaultSession = time.Hour
	maxPolicyChars = 2048
)

// Shapes by the AssumeRole page.
var (
	arnShape        = regexp.MustCompile(`^acs:ram::([0-9]{16}):(role|user)/([A-Za-z0-9._-]{1,64})$`)
	sessionShape    = regexp.MustCompile(`^[A-Za-z0-9.@_-]{2,64}$`)
	externalIDShape = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
)

// assumeRoleAnswer is the reply of AssumeRole, all texts. Its Arn says role/…,
// where GetCallerIdentity says assumed-role/… for the same session.
type assumeRoleAnswer struct {
	RequestId       string
	AssumedRoleUser struct{ Arn, AssumedRoleId string }
	Credentials     struct{ AccessKeyId, AccessKeySecret, SecurityToken, Expiration string }
}

// assumeRole is STS AssumeRole. A role that does not exist is told from one
// that may not be assumed; why it may not is not told.
func (s *stsService) assumeRole(k *call) (any, error) {
	limits, err := checkAssumeRole(k.params)
	if err != nil {
		return nil, err
	}
	arn := k.params["RoleArn"]
	account, role := s.world.roleByARN(arn)
	if role == nil {
		return nil, refuse(http.StatusNotFound, "EntityNotExist.Role", "the role %s does not exist", arn)
	}
	if err := s.mayAssume(k, account, role); err != nil {
		return nil, err
	}
	length, err := sessionLength(k.params["DurationSeconds"], role)
	if err != nil {
		return nil, err
	}
	session := k.params["RoleSessionName"]
	who := identity{account: account, role: role, session: session, limits: limits}
	cred := s.keys.issue(who, k.at, k.at.Add(length))

	ans := assumeRoleAnswer{RequestId: k.id}
	ans.AssumedRoleUser.Arn = account.roleARN(role.Name) + "/" + session
	ans.AssumedRoleUser.AssumedRoleId = entityID(account.roleARN(role.Name)) + ":" + session
	ans.Credentials.AccessKeyId, ans.Credentials.AccessKeySecret = cred.keyID, cred.secret
	ans.Credentials.SecurityToken = cred.token
	ans.Credentials.Expiration = cred.expires.UTC().Format(timestampLayout)
	return ans, nil
}

// checkAssumeRole judges the parameters by themselves and returns the session
// policy, or nil without one.
func checkAssumeRole(p params) (Policy, error) {
	arn, session := p["RoleArn"], p["RoleSessionName"]
	switch {
	case arn == "":
		return nil, missing("RoleArn")
	case session == "":
		return nil, missing("RoleSessionName")
	case !arnShape.MatchString(arn):
		return nil, badSTS("RoleArn", "the arn is not of the form acs:ram::<account>:role/<name>")
	case !sessionShape.MatchString(session):
		return nil, badSTS("RoleSessionName", "2 to 64 letters, digits and . @ - _ are allowed")
	case p["ExternalId"] != "" && !isExternalID(p["ExternalId"]):
		return nil, badSTS("ExternalId", "2 to 1224 letters, digits and _ + = , . @ : / - are allowed")
	}
	policy := p["Policy"]
	if policy == "" {
		return nil, nil
	}
	if utf8.RuneCountInString(policy) > maxPolicyChars {
		return nil, badSTS("PolicySize", "a policy has at most 2048 characters")
	}
	limits, err := parsePolicy(policy)
	if err == nil {
		err = limits.checkIdentity()
	}
	if err != nil {
		return nil, badSTS("PolicyGrammar", err.Error())
	}
	return limits, nil
}

// isExternalID has the length apart: it is more than a regular expression of Go
// can count.
func isExternalID(id string) bool {
	return len(id) >= 2 && len(id) <= 1224 && externalIDShape.MatchString(id)
}

// badSTS is STS's answer to a value that its page does not allow. Unlike the
// gateway it names the parameter in the code.
func badSTS(what, message string) error {
	return refuse(http.StatusBadRequest, "InvalidParameter."+what, "%s", message)
}

// mayAssume needs both sides: the caller's own policies allow the call on that
// role, and the role's trust policy lets the caller in. The account itself is
// always refused, with no detail, since no policy could change that.
func (s *stsService) mayAssume(k *call, account *Account, role *Role) error {
	if k.caller.isRoot() {
		return refuse(http.StatusForbidden, "NoPermission", "Roles may not be assumed by root accounts.")
	}
	q := question{"sts:AssumeRole", account.roleARN(role.Name), k.conditionKeys()}
	layers := append(k.caller.layers(q), layer{trustPolicy, role.trustsPrincipal(k.caller.principal(), k.caller.account.rootARN(), q)})
	if d := k.caller.denied(q, layers); d != nil {
		return noPermission(k, d)
	}
	return nil
}

// sessionLength takes seconds. Without any it is an hour, or the role's maximum
// if that is less.
func sessionLength(text string, role *Role) (time.Duration, error) {
	longest := role.longestSession()
	if text == "" {
		return min(defaultSession, longest), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 32)
	length := time.Duration(seconds) * time.Second
	if err != nil || length < minSession || length > longest {
		return 0, badSTS("DurationSeconds", "seconds from 900 to the role's maximum are allowed")
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

// getCallerIdentity is STS GetCallerIdentity, which needs no permission.
func (s *stsService) getCallerIdentity(k *call) (any, error) {
	who := k.caller
	ans := callerIdentityAnswer{RequestId: k.id, AccountId: who.account.ID, Arn: who.arn()}
	switch {
	case who.role != nil:
		ans.IdentityType = "AssumedRoleUser"
		ans.RoleId = entityID(who.principal())
		ans.PrincipalId = ans.RoleId + ":" + who.session
	case who.user != nil:
		ans.IdentityType, ans.UserId = "RAMUser", entityID(who.arn())
		ans.PrincipalId = ans.UserId
	default:
		ans.IdentityType, ans.UserId, ans.PrincipalId = "Account", who.account.ID, who.account.ID
	}
	return ans, nil
}
