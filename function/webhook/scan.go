package webhook

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"

	"backupportal/function/jsontext"
)

// Limits of a message, so that its size does not decide how much memory it needs.
const (
	maxValue = 256 << 10 // bytes of one value that the template uses; the JSON API takes no longer ones
	maxDepth = 500       // lists and objects around a value
)

// A wanted is a place in a JSON message, and the value that the scanner found there.
type wanted struct {
	pointer []string // path to the value, as [ParsePointer] returns it
	text    []byte   // the JSON of the value, without blanks around it
	found   bool     // the message has a value at pointer
	long    bool     // the value has more than maxValue bytes, and text is cut
}

// reset removes the value that was found at the place.
func (w *wanted) reset() { w.text, w.found, w.long = nil, false, false }

// A scanner reads one JSON value (RFC 8259) as a stream. It keeps only the values at the wanted
// places. If an object has two members of the same name, the last one counts, as in
// encoding/json.
type scanner struct {
	r    *bufio.Reader
	open []*wanted // the values that the next byte belongs to
}

// errSyntax means that the text is not JSON.
var errSyntax = errors.New("webhook: not JSON")

// scan reads the JSON value of r to its end and stores the values at the wanted places. It
// skips a byte order mark before the value. The error is errSyntax, [jsontext.ErrUTF8],
// [jsontext.ErrSurrogate], or the error of r.
func scan(r io.Reader, places []*wanted) error {
	s := scanner{r: bufio.NewReaderSize(r, 32<<10)}
	if mark, _ := s.r.Peek(len(jsontext.ByteOrderMark)); string(mark) == jsontext.ByteOrderMark {
		s.r.Discard(len(mark))
	}
	if err := s.value(0, places); err != nil {
		if errors.Is(err, io.EOF) {
			return errSyntax
		}
		return err
	}
	switch _, err := s.peekToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return errSyntax
}

// next reads one byte and adds it to every value that is being kept.
func (s *scanner) next() (byte, error) {
	c, err := s.r.ReadByte()
	if err != nil {
		return 0, err
	}
	for _, w := range s.open {
		if len(w.text) < maxValue {
			w.text = append(w.text, c)
		} else {
			w.long = true
		}
	}
	return c, nil
}

// peek returns the next byte and does not read it.
func (s *scanner) peek() (byte, error) {
	b, err := s.r.Peek(1)
	if len(b) == 0 {
		return 0, err
	}
	return b[0], nil
}

// peekToken skips blanks and returns the next byte, which it does not read.
func (s *scanner) peekToken() (byte, error) {
	for {
		c, err := s.peek()
		if err != nil || c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c, err
		}
		if _, err := s.next(); err != nil {
			return 0, err
		}
	}
}

// expect reads one byte. It returns an error if the byte is not want.
func (s *scanner) expect(want byte) error {
	c, err := s.next()
	if err == nil && c != want {
		err = errSyntax
	}
	return err
}

// value reads one value at the given nesting depth. near are the wanted places that are this
// value or inside it.
func (s *scanner) value(depth int, near []*wanted) error {
	if depth > maxDepth {
		return errSyntax
	}
	c, err := s.peekToken()
	if err != nil {
		return err
	}
	opened := len(s.open)
	var inside []*wanted
	for _, w := range near {
		if len(w.pointer) > depth {
			inside = append(inside, w)
			continue
		}
		s.open = append(s.open, w)
	}
	switch {
	case c == '{':
		err = s.object(depth, inside)
	case c == '[':
		err = s.list(depth, inside)
	case c == '"':
		err = s.text()
	case c == '-' || isDigit(c):
		err = s.number()
	default:
		err = s.word()
	}
	for _, w := range s.open[opened:] {
		w.found = err == nil
	}
	s.open = s.open[:opened]
	return err
}

// object reads a JSON object with its members. near are the wanted places inside it.
func (s *scanner) object(depth int, inside []*wanted) error {
	return s.elements('{', '}', func(int) error {
		name, err := s.name(len(inside) > 0)
		if err != nil {
			return err
		}
		if _, err := s.peekToken(); err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		return s.value(depth+1, entered(inside, depth, name))
	})
}

// list reads a list. The name of an element is its decimal index without leading zeros.
func (s *scanner) list(depth int, inside []*wanted) error {
	return s.elements('[', ']', func(i int) error {
		if len(inside) == 0 {
			return s.value(depth+1, nil)
		}
		return s.value(depth+1, entered(inside, depth, strconv.Itoa(i)))
	})
}

// entered returns those places of near that are inside the member or element called name. It
// resets their values, because an earlier member with the same name may have set them.
func entered(inside []*wanted, depth int, name string) []*wanted {
	var near []*wanted
	for _, w := range inside {
		if w.pointer[depth] == name {
			w.reset()
			near = append(near, w)
		}
	}
	return near
}

// elements reads elements that are separated by commas, between two brackets.
func (s *scanner) elements(first, last byte, element func(i int) error) error {
	if err := s.expect(first); err != nil {
		return err
	}
	c, err := s.peekToken()
	for i := 0; err == nil; i++ {
		if i == 0 && c == last {
			break
		}
		if err := element(i); err != nil {
			return err
		}
		if c, err = s.peekToken(); err != nil || c == last {
			break
		}
		if err := s.expect(','); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	return s.expect(last)
}

// name reads the name of a member. If keep is false, it returns "" and stores nothing, because
// a name can be megabytes long.
func (s *scanner) name(keep bool) (string, error) {
	c, err := s.peekToken()
	if err != nil {
		return "", err
	}
	if c != '"' {
		return "", errSyntax
	}
	if !keep {
		return "", s.text()
	}
	var w wanted
	s.open = append(s.open, &w)
	err = s.text()
	s.open = s.open[:len(s.open)-1]
	var name string
	if err != nil || w.long || json.Unmarshal(w.text, &name) != nil {
		return "\x00", err // no pointer leads to such a long name
	}
	return name, nil
}

// text reads a string with its quotation marks.
func (s *scanner) text() error {
	if err := s.expect('"'); err != nil {
		return err
	}
	for {
		c, err := s.next()
		switch {
		case err != nil:
			return err
		case c == '"':
			return nil
		case c < ' ':
			return errSyntax
		case c == '\\':
			err = s.escapes()
		case c >= utf8.RuneSelf:
			err = s.character(c)
		}
		if err != nil {
			return err
		}
	}
}

// character reads the remaining bytes of a UTF-8 character of several bytes. Its first byte was
// read before.
func (s *scanner) character(first byte) error {
	text := append(make([]byte, 0, utf8.UTFMax), first)
	for !utf8.FullRune(text) {
		c, err := s.next()
		if err != nil {
			return err
		}
		text = append(text, c)
	}
	if !utf8.Valid(text) {
		return jsontext.ErrUTF8
	}
	return nil
}

// escapes reads the rest of an escape sequence after its backslash. If it is the first half of
// a surrogate pair, it also reads the second half.
func (s *scanner) escapes() error {
	text := append(make([]byte, 0, 12), '\\')
	for {
		var err error
		if text, err = s.escape(text); err != nil {
			return err
		}
		wrong := jsontext.Unicode(text)
		if wrong == nil || len(text) > 6 {
			return wrong
		}
		if c, err := s.peek(); err != nil || c != '\\' {
			return cmp.Or(err, wrong)
		}
		s.next()
		text = append(text, '\\')
	}
}

// escape reads the rest of an escape sequence after its backslash and appends it to text.
func (s *scanner) escape(text []byte) ([]byte, error) {
	c, err := s.next()
	if err != nil {
		return nil, err
	}
	text = append(text, c)
	if c != 'u' {
		if !bytes.ContainsRune([]byte(`"\/bfnrt`), rune(c)) {
			return nil, errSyntax
		}
		return text, nil
	}
	for range 4 {
		c, err := s.next()
		if err != nil {
			return nil, err
		}
		if !isDigit(c) && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return nil, errSyntax
		}
		text = append(text, c)
	}
	return text, nil
}

// number reads a number.
func (s *scanner) number() error {
	if c, err := s.peek(); err == nil && c == '-' {
		s.next()
	}
	first, err := s.peek()
	if err != nil {
		return err
	}
	digits, err := s.digits()
	if err != nil || digits == 0 || first == '0' && digits > 1 {
		return orSyntax(err)
	}
	if c, err := s.peek(); err == nil && c == '.' {
		s.next()
		if n, err := s.digits(); err != nil || n == 0 {
			return orSyntax(err)
		}
	}
	if c, err := s.peek(); err == nil && (c == 'e' || c == 'E') {
		s.next()
		if sign, err := s.peek(); err == nil && (sign == '+' || sign == '-') {
			s.next()
		}
		if n, err := s.digits(); err != nil || n == 0 {
			return orSyntax(err)
		}
	}
	return nil
}

// digits reads decimal digits and returns their number. The end of the stream is not an error.
func (s *scanner) digits() (n int, err error) {
	for {
		c, err := s.peek()
		if errors.Is(err, io.EOF) || err == nil && !isDigit(c) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		s.next()
		n++
	}
}

// orSyntax returns err, or errSyntax if it is nil.
func orSyntax(err error) error {
	if err == nil {
		return errSyntax
	}
	return err
}

// word reads true, false or null.
func (s *scanner) word() error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	for _, word := range []string{"true", "false", "null"} {
		if word[0] != c {
			continue
		}
		for i := range len(word) {
			if err := s.expect(word[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return errSyntax
}

// isDigit reports whether c is a decimal digit.
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
