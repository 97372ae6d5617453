package emulator

import (
	"fmt"
	"hash/fnv"
	"strings"
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
	limits []Statement
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

// may reports whether the policies of id allow an action on a resource.
func (id identity) may(action, resource string) bool {
	switch {
	case id.role != nil:
		return allows(id.role.Permissions, action, resource) &&
			(id.limits == nil || allows(id.limits, action, resource))
	case id.user != nil:
		return allows(id.user.Permissions, action, resource)
	}
	return true
}

func (a *Account) rootARN() string { return "acs:ram::" + a.ID + ":root" }

func (a *Account) userARN(name string) string { return "acs:ram::" + a.ID + ":user/" + name }

func (a *Account) roleARN(name string) string { return "acs:ram::" + a.ID + ":role/" + name }

// trustsIdentity reports whether a role's trust policy lets id in. The root of an
// account stands for all its users and roles. The vendor's own texts write role
// names in other cases than they were made with, so case does not count.
func (r *Role) trustsIdentity(id identity) bool {
	for _, p := range r.Trusts {
		if strings.EqualFold(p, id.principal()) || strings.EqualFold(p, id.account.rootARN()) {
			return true
		}
	}
	return false
}

// entityID is the number that RAM gives to a user or role. It is derived from
// the ARN, so it is the same in every run.
func entityID(arn string) string {
	h := fnv.New64a()
	h.Write([]byte(arn))
	return fmt.Sprintf("3%017d", h.Sum64()%1e17)
}
