// Package lenhash hashes lists of texts without ambiguity.
//
// The input of the hash is each text, preceded by its length in bytes as 32 bits in big-endian
// order:
//
//	input = { length text }
//
// Different lists therefore have different inputs: ("ab", "c") is not ("a", "bc"). The store and
// the audit trail contain these hashes, so the format must not change.
package lenhash

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Write adds parts to h, each preceded by its length. A caller whose hashes may be compared with
// other hashes uses a label of its own as the first part. A part must be shorter than 4 GiB.
func Write(h hash.Hash, parts ...string) {
	for _, part := range parts {
		var length [4]byte
		binary.BigEndian.PutUint32(length[:], uint32(len(part)))
		h.Write(length[:]) // a hash never returns an error
		h.Write([]byte(part))
	}
}

// Sum returns the SHA-256 of parts, in the format of [Write].
func Sum(parts ...string) (sum [sha256.Size]byte) {
	h := sha256.New()
	Write(h, parts...)
	h.Sum(sum[:0])
	return sum
}
