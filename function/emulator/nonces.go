package emulator

import (
	"sync"
	"time"
)

// nonceMemory is how long a nonce stays spent. It is longer than any Timestamp
// stays good, so a request that was seen can never be sent again.
const nonceMemory = 31 * time.Minute

// nonces remembers what was signed with, per key.
type nonces struct {
	mu    sync.Mutex
	spent map[nonceKey]time.Time
	queue []spentNonce // what spent holds, in the order of claims
}

// A spending is when a nonce was used.
type spentNonce struct {
	key nonceKey
	at  time.Time
}

// A nonceKey keeps the nonces of two keys apart: they may be equal.
type nonceKey struct{ keyID, nonce string }

// seen reports whether a key's nonce is spent at now.
func (n *nonces) seen(keyID, nonce string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, ok := n.spent[nonceKey{keyID, nonce}]
	return ok && now.Sub(at) <= nonceMemory
}

// claim spends a nonce, or reports false if somebody was first.
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

// forget drops what is too old to matter. Every claim pays for about one that is
// forgotten: at thousands of calls a second a look at all of them, however
// rarely, would be a pause that clients see.
func (n *nonces) removeOld(now time.Time) {
	for len(n.queue) > 0 && now.Sub(n.queue[0].at) > nonceMemory {
		old := n.queue[0]
		n.queue = n.queue[1:]
		// A nonce that was forgotten and used again stands in the queue twice.
		if n.spent[old.key].Equal(old.at) {
			delete(n.spent, old.key)
		}
	}
}
