package rpc

import (
	"fmt"
	"hash/fnv"

	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/world"
)

// An Identity is who a credential speaks for: an account itself, a user of it,
// or a role of it in a named session.
type Identity struct {
	Account *world.Account
	User    *world.User
	Role    *world.Role
	Session string
	KeyID   string

	// limits is the policy of the session. It only narrows; nil means none.
	Limits ram.Policy
}

// ARN is spelt as GetCallerIdentity spells it.
func (id Identity) ARN() string {
	switch {
	case id.Role != nil:
		return fmt.Sprintf("acs:ram::%s:assumed-role/%s/%s", id.Account.ID, id.Role.Name, id.Session)
	case id.User != nil:
		return id.Account.UserARN(id.User.Name)
	}
	return id.Account.RootARN()
}

// IsRoot reports whether id is the account itself, which may do anything in it
// and may assume no role.
func (id Identity) IsRoot() bool { return id.User == nil && id.Role == nil }

// Principal is how a trust policy names id: a role without its session.
func (id Identity) Principal() string {
	if id.Role != nil {
		return id.Account.RoleARN(id.Role.Name)
	}
	return id.ARN()
}

// displayName is how AccessDeniedDetail names id: a user by its number, a role
// together with its session.
func (id Identity) displayName() string {
	if id.Role != nil {
		return id.Role.Name + ":" + id.Session
	}
	return EntityID(id.ARN())
}

// EntityID is the number that RAM gives to a user or role. It is derived from
// the ARN, so it is the same in every run.
func EntityID(arn string) string {
	h := fnv.New64a()
	h.Write([]byte(arn))
	return fmt.Sprintf("3%017d", h.Sum64()%1e17)
}
