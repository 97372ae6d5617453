package emulator

import (
	"crypto/rand"
	"sync"
	"time"
)

// A credential is what a request can be signed with.
type credential struct {
	keyID, secret string
	token         string    // empty for the keys of users
	expires       time.Time // of temporary ones
	identity      identity
}

// expiredMemory is how long temporary credentials are remembered after their
// end, so that their use is answered with "expired" and not with "not found".
const expiredMemory = 24 * time.Hour

// keyring holds every credential by key id and, if temporary, by token.
type keyring struct {
	mu      sync.Mutex
	byKey   map[string]credential
	byToken map[string]credential
}

// find reports false for a key that was never issued or is long over.
func (r *keyring) find(keyID string) (credential, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cred, ok := r.byKey[keyID]
	return cred, ok
}

// findToken returns the credential that a token belongs to, ended or not.
func (r *keyring) findToken(token string) (credential, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cred, ok := r.byToken[token]
	return cred, ok
}

// add makes a credential good at once.
func (r *keyring) add(cred credential) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey == nil {
		r.byKey, r.byToken = map[string]credential{}, map[string]credential{}
	}
	r.byKey[cred.keyID] = cred
	if cred.token != "" {
		r.byToken[cred.token] = cred
	}
}

// issue makes temporary credentials for who, good until expires.
func (r *keyring) issue(who identity, now, expires time.Time) credential {
	cred := credential{
		keyID: "STS.NU" + rand.Text()[:18], secret: rand.Text(),
		// Real tokens are several hundred characters of base64, with characters
		// that a form has to escape.
		token:   "CAIS" + rand.Text() + "+" + rand.Text() + "/" + rand.Text() + "==",
		expires: expires, identity: who,
	}
	r.forget(now.Add(-expiredMemory))
	r.add(cred)
	return cred
}

// forget drops temporary credentials that ended before a moment.
func (r *keyring) forget(before time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for token, cred := range r.byToken {
		if cred.expires.Before(before) {
			delete(r.byToken, token)
			delete(r.byKey, cred.keyID)
		}
	}
}

// permanentKeys lists the keys of a world's accounts and users.
func permanentKeys(ix index) []credential {
	var all []credential
	add := func(keys []AccessKey, who identity) {
		for _, key := range keys {
			all = append(all, credential{keyID: key.ID, secret: key.Secret, identity: who})
		}
	}
	for i := range ix.Accounts {
		a := &ix.Accounts[i]
		add(a.AccessKeys, identity{account: a})
		for i := range a.Users {
			add(a.Users[i].AccessKeys, identity{account: a, user: &a.Users[i]})
		}
	}
	return all
}
