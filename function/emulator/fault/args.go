package fault

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"
)

// A argument is one word behind the name of a fault.
type argument struct {
	wanted   string // completes "… needs"
	optional bool   // the word is left alone if it does not fit

	read  func(f *Fault, word string) bool
	write func(f Fault) string
}

// maxTime bounds latency and lag, so that a slip of the pen does not stop
// a test for ever. For that there is hang.
const maxTime = 24 * time.Hour

// takesDuration wants a unit: a bare number would be taken for seconds by one
// reader and for milliseconds by the next.
var takesDuration = argument{
	wanted: `a duration like "200ms", at most 24h`,
	read: func(f *Fault, word string) bool {
		d, err := time.ParseDuration(word)
		f.Duration = d
		return err == nil && d > 0 && d <= maxTime
	},
	write: func(f Fault) string { return f.Duration.String() },
}

// takesStatus leaves out what no server may send a body with, and 1xx, which
// is no answer.
var takesStatus = argument{
	wanted: "a status from 200 to 599 that has a body",
	read: func(f *Fault, word string) bool {
		f.status = readNumber(word)
		return f.status >= 200 && f.status <= 599 && f.status != http.StatusNoContent && f.status != http.StatusNotModified
	},
	write: func(f Fault) string { return strconv.Itoa(f.status) },
}

// takesErrorStatus is for refusals in the gateway's form. Those with status 200
// have another form, and a fault of their own.
var takesErrorStatus = argument{
	wanted: "a status from 400 to 599",
	read: func(f *Fault, word string) bool {
		f.status = readNumber(word)
		return f.status >= 400 && f.status <= 599
	},
	write: func(f Fault) string { return strconv.Itoa(f.status) },
}

var codeShape = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,99}$`)

// takesCode takes any code that could be one: the vendor has many more than its
// pages list, and clients have to live with those.
var takesCode = argument{
	wanted: `a code like "VaultNotExist"`,
	read: func(f *Fault, word string) bool {
		f.text = word
		return codeShape.MatchString(word)
	},
	write: func(f Fault) string { return f.text },
}

// takesURL has to have a host: what is relative would be the emulator again.
var takesURL = argument{
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

// takesCount is for a TotalCount, which can be any lie but a negative one.
var takesCount = argument{
	wanted: "a number from 0 to 1000000",
	read: func(f *Fault, word string) bool {
		f.Number = readNumber(word)
		return f.Number >= 0
	},
	write: func(f Fault) string { return strconv.Itoa(f.Number) },
}

// takesShift goes up to a whole page, and no shift at all would be "ok".
var takesShift = argument{
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

// readNumber takes digits without sign or leading zeros, up to a million;
// everything else is -1.
func readNumber(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 || n > 1_000_000 || strconv.Itoa(n) != word {
		return -1
	}
	return n
}
