package emulator

import (
	"sync"
	"time"
)

// nonceMemory is how long a used nonce is remembered. It is longer than a Timestamp stays valid
// (15 minutes in both directions), so a request can never be accepted twice.
const nonceMemory = 31 * time.Minute

// nonces records the used nonces of each key. The zero value is empty. It is safe for concurrent
// use.
type nonces struct {
	mu    sync.Mutex
	spent map[nonceKey]time.Time
	queue []spentNonce // the same entries in the order of use, for removal
}

// A spentNonce is a nonce and the time of its use.
type spentNonce struct {
	key nonceKey
	at  time.Time
}

// A nonceKey identifies a nonce of one key. Two keys may use the same nonce.
type nonceKey struct{ keyID, nonce string }

// seen reports whether the nonce was used with this key within nonceMemory.
func (n *nonces) seen(keyID, nonce string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, ok := n.spent[nonceKey{keyID, nonce}]
	return ok && now.Sub(at) <= nonceMemory
}

// claim marks a nonce as used. It returns false if it was used before, for example by a
// concurrent copy of the request.
func (n *nonces) claim(keyID, nonce string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.removeOld(now)
	key := nonceKey{keyID, nonce}
	if at, ok := n.spent[key]; ok && now.Sub(at) <= nonceMemory {
		return false
	}
	if n.spent == nil {
		n.spent = map[nonceKey]time.Time{}
	}
	n.spent[key] = now
	n.queue = append(n.queue, spentNonce{key, now})
	return true
}

// removeOld removes nonces that are older than nonceMemory. It is called with each claim, so each
// call removes about one entry on average. A periodic scan of all entries would cause a visible
// pause. The caller holds the lock.
func (n *nonces) removeOld(now time.Time) {
	for len(n.queue) > 0 && now.Sub(n.queue[0].at) > nonceMemory {
		old := n.queue[0]
		n.queue = n.queue[1:]
		// A nonce that was used again after nonceMemory is in the queue twice.
		if n.spent[old.key].Equal(old.at) {
			delete(n.spent, old.key)
		}
	}
}
