package sts

import (
	"crypto/rand"
	"sync"
	"time"

	"backupportal/function/emulator/rpc"
)

// A Credential is what a request can be signed with.
type Credential struct {
	KeyID, Secret string
	token         string    // empty for the keys of users
	Expires       time.Time // of temporary ones
	Identity      rpc.Identity
}

// ExpiredMemory is how long temporary credentials are remembered after their
// end, so that their use is answered with "expired" and not with "not found".
const ExpiredMemory = 24 * time.Hour

// Keyring holds every credential by key id and, if temporary, by token.
type Keyring struct {
	mu      sync.Mutex
	byKey   map[string]Credential
	byToken map[string]Credential
}

// Find reports false for a key that was never issued or is long over.
func (r *Keyring) Find(keyID string) (Credential, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cred, ok := r.byKey[keyID]
	return cred, ok
}

// FindToken returns the credential that a token belongs to, ended or not.
func (r *Keyring) FindToken(token string) (Credential, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cred, ok := r.byToken[token]
	return cred, ok
}

// Add makes a credential good at once.
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

// issue makes temporary credentials for who, good until expires.
func (r *Keyring) issue(identity rpc.Identity, now, expires time.Time) Credential {
	cred := Credential{
		KeyID: "STS.NU" + rand.Text()[:18], Secret: rand.Text(),
		// Real tokens are several hundred characters of base64, with characters
		// that a form has to escape.
		token:   "CAIS" + rand.Text() + "+" + rand.Text() + "/" + rand.Text() + "==",
		Expires: expires, Identity: identity,
	}
	r.removeExpired(now.Add(-ExpiredMemory))
	r.Add(cred)
	return cred
}

// forget drops temporary credentials that ended before a moment.
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
