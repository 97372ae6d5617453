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

// An operator compares the value of a condition key with one value of a condition.
type operator struct {
	// holds compares one value of the API call (have) with one value of the policy (want).
	holds func(have, want string) bool
	// valid reports whether want can be compared. Nil means that every value can be.
	valid   func(want string) bool
	negated bool // the operator holds if no value matches
}

// operators are the operators of "Conditional operators", each followed by its negation.
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

// check returns an error for an unknown operator, a key that is not of the form product:Key, a
// key without values, or a value that the operator cannot compare.
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

// hold reports whether every condition holds. have returns the value of a condition key of the
// call.
func (all Conditions) hold(have func(key string) (string, bool)) bool {
	for name, keys := range all {
		for key, values := range keys {
			if !operators[name].test(have, key, values) {
				return false
			}
		}
	}
	return true
}

// test reports whether the condition on one key is met. If the call has no value for the key, a
// normal operator is not met and a negated one is met. RAM's pages do not document this case;
// it is a guess.
func (op operator) test(have func(key string) (string, bool), key string, values Values) bool {
	text, there := have(key)
	return (there && slices.ContainsFunc(values, func(want string) bool { return op.holds(text, want) })) != op.negated
}

// not returns the operator that is met exactly if op is not.
func not(op operator) operator {
	op.negated = true
	return op
}

// ordered returns an operator that parses both values and compares them. A value that cannot be
// parsed never matches.
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

// A number is the value of a numeric condition.
type number float64

// Compare returns -1, 0 or 1, like time.Time.Compare.
func (a number) Compare(b number) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// parseNumber parses a decimal number. It also accepts fractions, although RAM's pages show whole
// numbers only. It refuses NaN, which has no order.
func parseNumber(text string) (number, bool) {
	f, err := strconv.ParseFloat(text, 64)
	return number(f), err == nil && f == f // NaN has no size
}

// parseDate parses ISO 8601 with a time zone. Seconds may be absent.
func parseDate(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// isBool reports whether text is true or false in any case, as in the vendor's samples.
func isBool(text string) bool {
	return strings.EqualFold(text, "true") || strings.EqualFold(text, "false")
}

// parseNetwork parses a CIDR prefix. A single address is a prefix of its full length.
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

// isNetwork reports whether text is an address or a CIDR prefix.
func isNetwork(text string) bool { _, ok := parseNetwork(text); return ok }

// inNetwork reports whether address have is in network want. An IPv4-mapped IPv6 address counts
// as IPv4, because a listener on all addresses sees IPv4 callers in this form.
func inNetwork(have, want string) bool {
	network, ok := parseNetwork(want)
	addr, err := netip.ParseAddr(have)
	return ok && err == nil && network.Contains(addr.Unmap())
}
