package hbr

import (
	"slices"
	"sync"
	"time"

	"backupportal/function/emulator/world"
)

// worldBegan is when everything in a world was made, whatever the clock says.
var worldCreated = time.Date(2025, 11, 2, 3, 4, 0, 0, time.UTC)

// registry is what calls added to the accounts of the world: registrations of
// other accounts, and service-linked roles.
type registry struct {
	mu    sync.Mutex
	cross map[string][]registration
	roles map[string][]string
}

// A registration is a CrossAccount and when AddCrossAccount made it.
type registration struct {
	world.CrossAccount
	added time.Time
}

// of lists what is registered in an account, the oldest first.
func (r *registry) of(a *world.Account) []registration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []registration
	for _, x := range a.CrossAccounts {
		all = append(all, registration{x, worldCreated})
	}
	return append(all, r.cross[a.ID]...)
}

// has ignores the alias, which is only for people.
func (r *registry) has(a *world.Account, wanted world.CrossAccount) bool {
	return slices.ContainsFunc(r.of(a), func(x registration) bool {
		return x.Account == wanted.Account && x.Role == wanted.Role && x.Type == wanted.Type
	})
}

// add is for a registration that is not there yet.
func (r *registry) add(a *world.Account, x world.CrossAccount, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cross == nil {
		r.cross = map[string][]registration{}
	}
	r.cross[a.ID] = append(r.cross[a.ID], registration{x, now})
}

// hasRole reports whether a service-linked role exists.
func (r *registry) hasRole(a *world.Account, name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(a.ServiceLinkedRoles, name) || slices.Contains(r.roles[a.ID], name)
}

// addRole makes a service-linked role exist.
func (r *registry) addRole(a *world.Account, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.roles == nil {
		r.roles = map[string][]string{}
	}
	r.roles[a.ID] = append(r.roles[a.ID], name)
}

// reset forgets everything that was added.
func (r *registry) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cross, r.roles = nil, nil
}
