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
	swept time.Time
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
	n.sweep(now)
	key := nonceKey{keyID, nonce}
	if at, ok := n.spent[key]; ok && now.Sub(at) <= nonceMemory {
		return false
	}
	if n.spent == nil {
		n.spent = map[nonceKey]time.Time{}
	}
	n.spent[key] = now
	return true
}

// sweep forgets what is too old to matter, at most once a minute.
func (n *nonces) sweep(now time.Time) {
	if now.Sub(n.swept) < time.Minute {
		return
	}
	n.swept = now
	for key, at := range n.spent {
		if now.Sub(at) > nonceMemory {
			delete(n.spent, key)
		}
	}
}
