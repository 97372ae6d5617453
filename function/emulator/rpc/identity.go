package rpc

import (
	"fmt"
	"hash/fnv"

	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/world"
)

// An Identity is the caller who owns an access key: an account's root (User and Role are nil),
// a user, or a role in a session. The zero value is a call that is not authenticated.
type Identity struct {
	Account *world.Account // the account of the user or role
	User    *world.User
	Role    *world.Role
	Session string // RoleSessionName; empty unless Role is set
	KeyID   string // access key id of the call

	// Limits is the session policy (Policy of AssumeRole). It only restricts what the role
	// allows; nil means no restriction.
	Limits ram.Policy
}

// ARN returns the ARN that GetCallerIdentity reports. For a role it names the session:
// assumed-role/<role>/<session>.
func (id Identity) ARN() string {
	switch {
	case id.Role != nil:
		return fmt.Sprintf("acs:ram::%s:assumed-role/%s/%s", id.Account.ID, id.Role.Name, id.Session)
	case id.User != nil:
		return id.Account.UserARN(id.User.Name)
	}
	return id.Account.RootARN()
}

// IsRoot reports whether id is the account itself. It may do everything in the account except
// AssumeRole.
func (id Identity) IsRoot() bool { return id.User == nil && id.Role == nil }

// Principal returns the ARN by which a trust policy names id. For a role it is the ARN without
// the session.
func (id Identity) Principal() string {
	if id.Role != nil {
		return id.Account.RoleARN(id.Role.Name)
	}
	return id.ARN()
}

// displayName returns AuthPrincipalDisplayName of AccessDeniedDetail: the number of a user, or
// role and session joined by a colon.
func (id Identity) displayName() string {
	if id.Role != nil {
		return id.Role.Name + ":" + id.Session
	}
	return EntityID(id.ARN())
}

// EntityID returns the id of a user or role: a number of the length that RAM uses. It is
// computed from the ARN and is therefore the same in every run.
func EntityID(arn string) string {
	h := fnv.New64a()
	h.Write([]byte(arn))
	return fmt.Sprintf("3%017d", h.Sum64()%1e17)
}
