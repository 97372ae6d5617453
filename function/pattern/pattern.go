// Package pattern matches texts against simple regular expressions without compiling them.
//
// Package regexp compiles an expression before its first use. With a counted repetition such as
// [a-z]{1,62}, that takes a tenth of a millisecond or more, and the portal has dozens of them,
// so an instance would spend more time on them than on its first answer. This package reads the
// expression each time. It understands a part of the syntax of package regexp, with the same
// meaning:
//
//	abc          characters that stand for themselves
//	[a-z_] [^/]  one character of a class, or one that is not in it
//	(x|y) x|y    alternatives
//	x{2} x{1,9}  repetitions, also ? * +
//	\. \x1f      an escaped character, or one by its number, also in a class
//	[^\pC]       in a class: the Unicode category C (control characters and the like)
package pattern

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unbounded is the largest number of repetitions of * and +.
const unbounded = 1 << 30

// Match reports whether the whole of text matches pattern. Bytes that are not UTF-8 count as
// U+FFFD each. It panics if it reaches a part of pattern that it does not understand.
//
// A group in parentheses takes the first alternative that matches, and as many repetitions as
// possible. Package regexp would also try others if the rest does not match: the pattern must not
// depend on that. So the depth of the recursion depends on the pattern only, never on the text.
func Match(pattern, text string) bool {
	_, ok := matchAny(pattern, text, true)
	return ok
}

// matchAny returns the length of the beginning of text that the first matching alternative of
// pattern matches. If whole is true, an alternative must match all of text. ok is false if none
// matches.
func matchAny(pattern, text string, whole bool) (end int, ok bool) {
	for more := true; more; {
		var one string
		one, pattern, more = cutAlternative(pattern)
		if end, ok = matchAll(one, text, whole); ok {
			return end, true
		}
	}
	return 0, false
}

// matchAll is [matchAny] for a pattern that has no alternatives (|) outside of parentheses.
func matchAll(pattern, text string, whole bool) (end int, ok bool) {
	if pattern == "" {
		return 0, !whole || text == ""
	}
	e := cutElement(pattern)
	if e.text[0] == '(' {
		if end, ok = e.matchGroup(text); !ok {
			return 0, false
		}
		after, ok := matchAll(e.rest, text[end:], whole)
		return end + after, ok
	}
	count := 0
	for count < e.most && end < len(text) {
		r, size := utf8.DecodeRuneInString(text[end:])
		if !isOneOf(e.text, r) {
			break
		}
		end += size
		count++
	}
	for ; count >= e.least; count-- {
		if after, ok := matchAll(e.rest, text[end:], whole); ok {
			return end + after, true
		}
		_, size := utf8.DecodeLastRuneInString(text[:end])
		end -= size
	}
	return 0, false
}

// An element is the first part of a pattern: a character, a class or a group, with its repetitions.
type element struct {
	text        string
	least, most int    // repetitions
	rest        string // the pattern after the element
}

// matchGroup returns the length of the beginning of text that the repetitions of the group e
// match. ok is false if text has too few repetitions.
func (e element) matchGroup(text string) (end int, ok bool) {
	for count := 0; count < e.most; count++ {
		size, ok := matchAny(e.text[1:len(e.text)-1], text[end:], false)
		if !ok {
			return end, count >= e.least
		}
		if size == 0 {
			return end, true // all further repetitions can be empty too
		}
		end += size
	}
	return end, true
}

// cutElement returns the first element of pattern, which must not be empty.
func cutElement(pattern string) element {
	end := 0
	switch pattern[0] {
	case '(':
		end = groupEnd(pattern)
	case '[':
		end = classEnd(pattern)
	case '.', '^', '$', '*', '+', '?', '{', '}', ')', ']', '|':
		panic("pattern: not supported: " + pattern)
	default:
		_, end = readChar(pattern)
	}
	e := element{text: pattern[:end], least: 1, most: 1, rest: pattern[end:]}
	if e.rest == "" {
		return e
	}
	switch e.rest[0] {
	case '?':
		e.least, e.rest = 0, e.rest[1:]
	case '*':
		e.least, e.most, e.rest = 0, unbounded, e.rest[1:]
	case '+':
		e.most, e.rest = unbounded, e.rest[1:]
	case '{':
		bounds, rest, _ := strings.Cut(e.rest[1:], "}")
		least, most, ranged := strings.Cut(bounds, ",")
		e.least, e.rest = number(least), rest
		if e.most = e.least; ranged {
			e.most = number(most)
		}
	}
	return e
}

// number returns the value of a decimal number in a pattern. It panics for another text.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		panic("pattern: not supported: {" + digits + "}")
	}
	return n
}

// cutAlternative returns the part of pattern before the first | outside of groups and classes, and
// the part after it. found reports whether there is such a |.
func cutAlternative(pattern string) (one, rest string, found bool) {
	for i := 0; i < len(pattern); {
		switch pattern[i] {
		case '|':
			return pattern[:i], pattern[i+1:], true
		case '(':
			i += groupEnd(pattern[i:])
		case '[':
			i += classEnd(pattern[i:])
		default:
			_, size := readChar(pattern[i:])
			i += size
		}
	}
	return pattern, "", false
}

// groupEnd returns the length of the group with which pattern begins.
func groupEnd(pattern string) int {
	if strings.HasPrefix(pattern, "(?") {
		panic("pattern: not supported: " + pattern)
	}
	for i := 1; i < len(pattern); {
		switch pattern[i] {
		case ')':
			return i + 1
		case '(':
			i += groupEnd(pattern[i:])
		case '[':
			i += classEnd(pattern[i:])
		default:
			_, size := readChar(pattern[i:])
			i += size
		}
	}
	panic("pattern: a group without an end: " + pattern)
}

// classEnd returns the length of the class with which pattern begins.
func classEnd(pattern string) int {
	for i := 1; i < len(pattern); {
		if pattern[i] == ']' {
			return i + 1
		}
		if strings.HasPrefix(pattern[i:], categoryC) {
			i += len(categoryC)
			continue
		}
		_, size := readChar(pattern[i:])
		i += size
	}
	panic("pattern: a class without an end: " + pattern)
}

// categoryC is the only Unicode category that a class can name.
const categoryC = `\pC`

// isOneOf reports whether r matches one, which is the text of a character or of a class.
func isOneOf(one string, r rune) bool {
	if one[0] != '[' {
		c, _ := readChar(one)
		return c == r
	}
	one, without := strings.CutPrefix(one[1:len(one)-1], "^")
	for one != "" {
		if rest, ok := strings.CutPrefix(one, categoryC); ok {
			if unicode.Is(unicode.C, r) {
				return !without
			}
			one = rest
			continue
		}
		first, size := readChar(one)
		last := first
		if one = one[size:]; len(one) > 1 && one[0] == '-' {
			last, size = readChar(one[1:])
			one = one[1+size:]
		}
		if first <= r && r <= last {
			return !without
		}
	}
	return without
}

// readChar returns the character with which pattern begins, and its length in pattern.
func readChar(pattern string) (char rune, size int) {
	if pattern[0] != '\\' {
		return utf8.DecodeRuneInString(pattern)
	}
	switch {
	case len(pattern) >= 4 && pattern[1] == 'x':
		n, err := strconv.ParseUint(pattern[2:4], 16, 8)
		if err == nil {
			return rune(n), 4
		}
	case len(pattern) >= 2 && strings.IndexByte(`\.+*?()|[]{}^$-/`, pattern[1]) >= 0:
		return rune(pattern[1]), 2
	}
	panic("pattern: not supported: " + pattern)
}
