package emulator

import (
	"fmt"
	"hash/fnv"
)

// An identity is who a credential speaks for: an account itself, a user of it,
// or a role of it in a named session.
type identity struct {
	account *Account
	user    *User
	role    *Role
	session string
	keyID   string

	// limits is the policy of the session. It only narrows; nil means none.
	limits Policy
}

// arn is spelt as GetCallerIdentity spells it.
func (id identity) arn() string {
	switch {
	case id.role != nil:
		return fmt.Sprintf("acs:ram::%s:assumed-role/%s/%s", id.account.ID, id.role.Name, id.session)
	case id.user != nil:
		return id.account.userARN(id.user.Name)
	}
	return id.account.rootARN()
}

// isRoot reports whether id is the account itself, which may do anything in it
// and may assume no role.
func (id identity) isRoot() bool { return id.user == nil && id.role == nil }

// principal is how a trust policy names id: a role without its session.
func (id identity) principal() string {
	if id.role != nil {
		return id.account.roleARN(id.role.Name)
	}
	return id.arn()
}

// What follows spells ARNs as the vendor does: RAM has no regions.

func (a *Account) rootARN() string { return "acs:ram::" + a.ID + ":root" }

func (a *Account) userARN(name string) string { return "acs:ram::" + a.ID + ":user/" + name }

func (a *Account) roleARN(name string) string { return "acs:ram::" + a.ID + ":role/" + name }

// displayName is how AccessDeniedDetail names id: a user by its number, a role
// together with its session.
func (id identity) displayName() string {
	if id.role != nil {
		return id.role.Name + ":" + id.session
	}
	return entityID(id.arn())
}

// entityID is the number that RAM gives to a user or role. It is derived from
// the ARN, so it is the same in every run.
func entityID(arn string) string {
	h := fnv.New64a()
	h.Write([]byte(arn))
	return fmt.Sprintf("3%017d", h.Sum64()%1e17)
}
