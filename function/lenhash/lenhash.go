// Package lenhash hashes lists of texts without ambiguity.
//
// Each text is preceded by its length in bytes, as 32 bits in big-endian order.
// Two lists that differ never have the same input: ("ab", "c") is not ("a", "bc").
package lenhash

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Write adds parts to h, each behind its length. A caller whose digest may meet
// digests of other origins passes a label of its own as the first part.
func Write(h hash.Hash, parts ...string) {
	for _, part := range parts {
		var length [4]byte
		binary.BigEndian.PutUint32(length[:], uint32(len(part)))
		h.Write(length[:]) // a hash never returns an error
		h.Write([]byte(part))
	}
}

// Sum returns the SHA-256 of parts, written as by [Write].
func Sum(parts ...string) (sum [sha256.Size]byte) {
	h := sha256.New()
	Write(h, parts...)
	h.Sum(sum[:0])
	return sum
}
