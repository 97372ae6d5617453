package hbr

import (
	"slices"
	"sync"
	"time"

	"backupportal/function/emulator/world"
)

// worldCreated is the creation time of all resources of a world.
var worldCreated = time.Date(2025, 11, 2, 3, 4, 0, 0, time.UTC)

// A registry records what calls added to the accounts of the world and deleted from them. The zero
// value is empty. It is safe for concurrent use.
type registry struct {
	mu    sync.Mutex
	cross map[string][]registration // registrations by calls of AddCrossAccount, oldest first, by account id
	gone  map[string][]registration // registrations of the world that DeleteCrossAccount deleted, by account id
	roles map[string][]string       // names of created service-linked roles, by account id
}

// A registration is a CrossAccount with the time of its creation.
type registration struct {
	world.CrossAccount
	added time.Time
}

// registrations returns the registrations of an account: first of the world, then of calls,
// oldest first.
func (r *registry) registrations(a *world.Account) []registration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []registration
	for _, x := range a.CrossAccounts {
		if registered := (registration{x, worldCreated}); !slices.Contains(r.gone[a.ID], registered) {
			all = append(all, registered)
		}
	}
	return append(all, r.cross[a.ID]...)
}

// has reports whether an account has a registration with the same account, role and type. The
// alias is not compared.
func (r *registry) has(a *world.Account, wanted world.CrossAccount) bool {
	return slices.ContainsFunc(r.registrations(a), func(x registration) bool { return x.same(wanted) })
}

// same reports whether two registrations have the same account, role and type.
func (x registration) same(other world.CrossAccount) bool {
	return x.Account == other.Account && x.Role == other.Role && x.Type == other.Type
}

// add records a registration. The caller has checked that it does not exist.
func (r *registry) add(a *world.Account, x world.CrossAccount, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cross == nil {
		r.cross = map[string][]registration{}
	}
	r.cross[a.ID] = append(r.cross[a.ID], registration{x, now})
}

// remove deletes a registration, of the world or of a call. The caller has checked that it exists.
func (r *registry) remove(a *world.Account, x world.CrossAccount) {
	same := func(other registration) bool { return other.same(x) }
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := slices.IndexFunc(r.cross[a.ID], same); at >= 0 {
		r.cross[a.ID] = slices.Delete(r.cross[a.ID], at, at+1)
		return
	}
	if r.gone == nil {
		r.gone = map[string][]registration{}
	}
	for _, y := range a.CrossAccounts {
		if registered := (registration{y, worldCreated}); same(registered) {
			r.gone[a.ID] = append(r.gone[a.ID], registered)
		}
	}
}

// hasRole reports whether an account has a service-linked role, from the world or created by a
// call.
func (r *registry) hasRole(a *world.Account, name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(a.ServiceLinkedRoles, name) || slices.Contains(r.roles[a.ID], name)
}

// addRole records that a service-linked role was created.
func (r *registry) addRole(a *world.Account, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.roles == nil {
		r.roles = map[string][]string{}
	}
	r.roles[a.ID] = append(r.roles[a.ID], name)
}

// reset removes what calls have added to accounts, and restores what they have deleted.
func (r *registry) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cross, r.gone, r.roles = nil, nil, nil
}
