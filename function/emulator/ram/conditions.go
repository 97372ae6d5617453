package ram

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An operator compares what a request has with one value of a condition. It
// also tells whether the value is one that it can compare with.
type operator struct {
	holds   func(have, want string) bool
	valid   func(want string) bool
	negated bool // holds if it holds for none of the values
}

// operators are those of "Conditional operators". A negated one stands beside
// the one that it negates.
var operators = map[string]operator{
	"StringEquals":              {holds: func(have, want string) bool { return have == want }},
	"StringNotEquals":           {holds: func(have, want string) bool { return have == want }, negated: true},
	"StringEqualsIgnoreCase":    {holds: strings.EqualFold},
	"StringNotEqualsIgnoreCase": {holds: strings.EqualFold, negated: true},
	"StringLike":                {holds: func(have, want string) bool { return Matches(want, have) }},
	"StringNotLike":             {holds: func(have, want string) bool { return Matches(want, have) }, negated: true},

	"NumericEquals":            ordered(parseNumber, func(c int) bool { return c == 0 }),
	"NumericNotEquals":         not(ordered(parseNumber, func(c int) bool { return c == 0 })),
	"NumericLessThan":          ordered(parseNumber, func(c int) bool { return c < 0 }),
	"NumericLessThanEquals":    ordered(parseNumber, func(c int) bool { return c <= 0 }),
	"NumericGreaterThan":       ordered(parseNumber, func(c int) bool { return c > 0 }),
	"NumericGreaterThanEquals": ordered(parseNumber, func(c int) bool { return c >= 0 }),

	"DateEquals":            ordered(parseDate, func(c int) bool { return c == 0 }),
	"DateNotEquals":         not(ordered(parseDate, func(c int) bool { return c == 0 })),
	"DateLessThan":          ordered(parseDate, func(c int) bool { return c < 0 }),
	"DateLessThanEquals":    ordered(parseDate, func(c int) bool { return c <= 0 }),
	"DateGreaterThan":       ordered(parseDate, func(c int) bool { return c > 0 }),
	"DateGreaterThanEquals": ordered(parseDate, func(c int) bool { return c >= 0 }),

	"Bool":         {holds: strings.EqualFold, valid: isBool},
	"IpAddress":    {holds: inNetwork, valid: isNetwork},
	"NotIpAddress": {holds: inNetwork, valid: isNetwork, negated: true},
}

// check wants operators and values that can hold at all.
func (all Conditions) check() error {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		op, known := operators[name]
		if !known {
			return fmt.Errorf("the condition operator %q is not known", name)
		}
		for key, values := range all[name] {
			if !strings.Contains(key, ":") || len(values) == 0 {
				return fmt.Errorf("condition %s: the key %q is not of the form product:Key, or has no values", name, key)
			}
			for _, v := range values {
				if op.valid != nil && !op.valid(v) {
					return fmt.Errorf("condition %s: %s cannot be compared with %q", name, key, v)
				}
			}
		}
	}
	return nil
}

// hold reports whether every condition holds for a request.
func (all Conditions) hold(have func(key string) (string, bool)) bool {
	// The order of a map does not matter, since all of them have to hold.
	for name, keys := range all {
		for key, values := range keys {
			if !operators[name].test(have, key, values) {
				return false
			}
		}
	}
	return true
}

// test compares one key. Without a value in the request a condition does not
// hold, but a negated one does; RAM's pages do not say, so that is a guess.
func (op operator) test(have func(key string) (string, bool), key string, values Values) bool {
	text, there := have(key)
	return (there && slices.ContainsFunc(values, func(want string) bool { return op.holds(text, want) })) != op.negated
}

// not turns an operator into the one that is named after it, with Not.
func not(op operator) operator {
	op.negated = true
	return op
}

// ordered makes an operator of texts that stand for something with an order.
func ordered[T interface{ Compare(T) int }](parse func(string) (T, bool), fits func(int) bool) operator {
	return operator{
		holds: func(have, want string) bool {
			a, ok := parse(have)
			b, alsoOK := parse(want)
			return ok && alsoOK && fits(a.Compare(b))
		},
		valid: func(want string) bool { _, ok := parse(want); return ok },
	}
}

// A number is compared by size.
type number float64

// Compare has the form of time.Time.Compare.
func (a number) Compare(b number) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// parseNumber takes whole and broken numbers; RAM's pages show whole ones only.
func parseNumber(text string) (number, bool) {
	f, err := strconv.ParseFloat(text, 64)
	return number(f), err == nil && f == f // NaN has no size
}

// parseDate takes ISO 8601 with a time zone, seconds left out or not.
func parseDate(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// isBool ignores case, as the samples of the vendor do.
func isBool(text string) bool {
	return strings.EqualFold(text, "true") || strings.EqualFold(text, "false")
}

// parseNetwork takes an address for a network of one.
func parseNetwork(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p, true
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(addr, addr.BitLen()), true
}

// isNetwork tells what a condition on addresses can be compared with.
func isNetwork(text string) bool { _, ok := parseNetwork(text); return ok }

// inNetwork takes an IPv4 address in IPv6 clothes for the former: that is how a
// listener on all addresses sees its callers.
func inNetwork(have, want string) bool {
	network, ok := parseNetwork(want)
	addr, err := netip.ParseAddr(have)
	return ok && err == nil && network.Contains(addr.Unmap())
}
