package jsontext

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"
)

// The errors of [Unicode]. They quote nothing of the text.
var (
	// ErrUTF8 means that the bytes are not UTF-8.
	ErrUTF8 = errors.New("the text is not valid UTF-8")
	// ErrSurrogate means that an escape is half of a pair, such as \ud800 alone. It stands for
	// no character.
	ErrSurrogate = errors.New("an escape such as \\ud800 is only half of a surrogate pair")
)

// Unicode returns [ErrUTF8] or [ErrSurrogate] if the JSON text data has no exact meaning in
// Unicode (RFC 7493, section 2.1), otherwise nil. [encoding/json] replaces each such part by U+FFFD,
// so two different texts would become equal. Unicode does not check that data is JSON, and
// copies nothing.
func Unicode(data []byte) error {
	if !utf8.Valid(data) {
		return ErrUTF8
	}
	high := false // the text before data ends with the first half of a pair
	for {
		i := bytes.IndexByte(data, '\\')
		if high && i != 0 {
			return ErrSurrogate
		}
		if i < 0 || len(data) < i+2 {
			return nil
		}
		var unit uint64
		length := 2
		if data[i+1] == 'u' && len(data) >= i+6 {
			unit, _ = strconv.ParseUint(string(data[i+2:i+6]), 16, 16)
			length = 6
		}
		if low := isLow(unit); low != high {
			return ErrSurrogate
		}
		high = isHigh(unit)
		data = data[i+length:]
	}
}

// isHigh reports whether a UTF-16 code unit is the first half of a surrogate pair.
func isHigh(unit uint64) bool { return unit >= 0xd800 && unit <= 0xdbff }

// isLow reports whether a UTF-16 code unit is the second half of a surrogate pair.
func isLow(unit uint64) bool { return unit >= 0xdc00 && unit <= 0xdfff }
