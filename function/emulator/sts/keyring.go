package sts

import (
	"crypto/rand"
	"sync"
	"time"

	"backupportal/function/emulator/rpc"
)

// A Credential signs requests. It is permanent if token is empty, otherwise temporary.
type Credential struct {
	KeyID, Secret string
	token         string       // empty for keys of accounts and users
	Expires       time.Time    // end of a temporary credential; zero for a permanent one
	Identity      rpc.Identity // the caller that it authenticates
}

// ExpiredMemory is how long expired credentials are kept. Their use is then answered with
// InvalidSecurityToken.Expired instead of InvalidAccessKeyId.NotFound.
const ExpiredMemory = 24 * time.Hour

// A Keyring holds all credentials. The zero value is empty. It is safe for concurrent use.
type Keyring struct {
	mu      sync.Mutex
	byKey   map[string]Credential
	byToken map[string]Credential
}

// Find returns the credential with a key id. It returns false for a key that was never issued, or
// that expired more than ExpiredMemory ago.
func (r *Keyring) Find(keyID string) (Credential, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cred, ok := r.byKey[keyID]
	return cred, ok
}

// FindToken returns the credential with a security token, also if it has expired. It returns
// false for an unknown token.
func (r *Keyring) FindToken(token string) (Credential, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cred, ok := r.byToken[token]
	return cred, ok
}

// Add stores a credential. It can be used at once.
func (r *Keyring) Add(cred Credential) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey == nil {
		r.byKey, r.byToken = map[string]Credential{}, map[string]Credential{}
	}
	r.byKey[cred.KeyID] = cred
	if cred.token != "" {
		r.byToken[cred.token] = cred
	}
}

// issue creates and stores temporary credentials that are valid until expires. It also removes
// credentials that expired more than ExpiredMemory ago.
func (r *Keyring) issue(identity rpc.Identity, now, expires time.Time) Credential {
	cred := Credential{
		KeyID: "STS.NU" + rand.Text()[:18], Secret: rand.Text(),
		// Real tokens are several hundred characters of base64; some of the characters must be
		// escaped in a form.
		token:   "CAIS" + rand.Text() + "+" + rand.Text() + "/" + rand.Text() + "==",
		Expires: expires, Identity: identity,
	}
	r.removeExpired(now.Add(-ExpiredMemory))
	r.Add(cred)
	return cred
}

// removeExpired removes temporary credentials that expired before the given time.
func (r *Keyring) removeExpired(before time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for token, cred := range r.byToken {
		if cred.Expires.Before(before) {
			delete(r.byToken, token)
			delete(r.byKey, cred.KeyID)
		}
	}
}
