package emulator

import (
	"fmt"
	"strings"
)

// A faultSyntaxError is the first thing in a schedule that cannot be read.
type faultSyntaxError struct {
	column  int // in characters, from 1
	problem string
}

// Error names the column, so that a long line need not be searched.
func (e faultSyntaxError) Error() string { return fmt.Sprintf("column %d: %s", e.column, e.problem) }

// A faultWord is a word or a sign of a schedule.
type faultWord struct {
	text   string
	column int
}

// faultSigns separate words. A colon does too, but only behind the first word
// of a rule: the addresses that faults take have colons of their own.
const faultSigns = ",;|+"

// faultWords splits a schedule into words and signs. Whatever bytes it is given,
// each has its place in a word, so that an error can point at it.
func faultWords(text string) []faultWord {
	var words []faultWord
	// head: a colon ends the word. open: the next character belongs to the last
	// word. Columns count characters, as editors do, not bytes.
	head, open := true, false
	for i, r := range []rune(text) {
		switch {
		case strings.ContainsRune(" \t\r\n", r):
			open = false
			continue
		case strings.ContainsRune(faultSigns, r) || head && r == ':':
			words = append(words, faultWord{string(r), i + 1})
			head, open = r == ';', false
		case open:
			words[len(words)-1].text += string(r)
		default:
			words = append(words, faultWord{string(r), i + 1})
			open = true
		}
	}
	return words
}

// A faultParser goes through the words from left to right and never back.
type faultParser struct {
	words []faultWord
	end   int // the column behind the last

	seeded bool // a seed was read
}

func (p *faultParser) atEnd() bool { return len(p.words) == 0 }

// word returns the next word without taking it; at the end it is empty.
func (p *faultParser) word() string {
	if p.atEnd() {
		return ""
	}
	return p.words[0].text
}

// take returns the next word and goes on behind it.
func (p *faultParser) take() string {
	word := p.word()
	if !p.atEnd() {
		p.words = p.words[1:]
	}
	return word
}

// accept takes the next word if it is this one.
func (p *faultParser) accept(word string) bool {
	ok := p.word() == word
	if ok {
		p.take()
	}
	return ok
}

// problem is an error at the next word.
func (p *faultParser) problem(format string, args ...any) error {
	column := p.end
	if !p.atEnd() {
		column = p.words[0].column
	}
	return faultSyntaxError{column, fmt.Sprintf(format, args...)}
}
