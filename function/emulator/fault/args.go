package fault

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"
)

// An argument describes one word after the name of a fault.
type argument struct {
	wanted   string // completes the error "<fault> needs <wanted>"
	optional bool   // a word that does not fit is left unread, and is not an error

	// read stores the word in f. It returns false if the word does not fit.
	read func(f *Fault, word string) bool
	// write returns the word that read would accept; empty: the optional argument is absent.
	write func(f Fault) string
}

// maxTime limits the durations of latency and lag, so that a mistyped unit does not block a test
// for days. The fault hang waits without a limit.
const maxTime = 24 * time.Hour

// durationArg is a duration with a unit. A number without a unit is refused, because readers
// disagree whether it means seconds or milliseconds.
var durationArg = argument{
	wanted: `a duration like "200ms", at most 24h`,
	read: func(f *Fault, word string) bool {
		d, err := time.ParseDuration(word)
		f.Duration = d
		return err == nil && d > 0 && d <= maxTime
	},
	write: func(f Fault) string { return f.Duration.String() },
}

// statusArg is a status that can have a body. 1xx is no final answer; 204 and 304 have no body.
var statusArg = argument{
	wanted: "a status from 200 to 599 that has a body",
	read: func(f *Fault, word string) bool {
		f.status = readNumber(word)
		return f.status >= 200 && f.status <= 599 && f.status != http.StatusNoContent && f.status != http.StatusNotModified
	},
	write: func(f Fault) string { return strconv.Itoa(f.status) },
}

// errorStatusArg is the status of a refusal in the gateway's form. Refusals with status 200 have
// another form and their own fault, success-false.
var errorStatusArg = argument{
	wanted: "a status from 400 to 599",
	read: func(f *Fault, word string) bool {
		f.status = readNumber(word)
		return f.status >= 400 && f.status <= 599
	},
	write: func(f Fault) string { return strconv.Itoa(f.status) },
}

// codeShape matches the vendor's error codes.
var codeShape = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,99}$`)

// codeArg is an error code. Any code of the right shape is accepted: the vendor uses many codes
// that its pages do not list, and clients must handle those.
var codeArg = argument{
	wanted: `a code like "VaultNotExist"`,
	read: func(f *Fault, word string) bool {
		f.text = word
		return codeShape.MatchString(word)
	},
	write: func(f Fault) string { return f.text },
}

// urlArg is an absolute URL. A relative one is refused, because it would lead back to the
// emulator.
var urlArg = argument{
	wanted: "an address that begins with http:// or https://", optional: true,
	read: func(f *Fault, word string) bool {
		u, err := url.Parse(word)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return false
		}
		f.text = word
		return true
	},
	write: func(f Fault) string { return f.text },
}

// countArg is the argument of the fault total: the false TotalCount, not negative.
var countArg = argument{
	wanted: "a number from 0 to 1000000",
	read: func(f *Fault, word string) bool {
		f.Number = readNumber(word)
		return f.Number >= 0
	},
	write: func(f Fault) string { return strconv.Itoa(f.Number) },
}

// shiftArg is a number of list rows, at most one page (99). 0 is refused: it would mean "ok".
var shiftArg = argument{
	wanted: "a number from -99 to 99, and not 0",
	read: func(f *Fault, word string) bool {
		digits, sign := word, 1
		if word != "" && word[0] == '-' {
			digits, sign = word[1:], -1
		}
		f.Number = sign * readNumber(digits)
		return readNumber(digits) > 0 && readNumber(digits) <= 99
	},
	write: func(f Fault) string { return strconv.Itoa(f.Number) },
}

// readNumber reads a decimal number from 0 to 1,000,000 without sign or leading zeros. It returns
// -1 for any other text.
func readNumber(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 || n > 1_000_000 || strconv.Itoa(n) != word {
		return -1
	}
	return n
}
