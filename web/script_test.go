package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"backupportal/function/param/wordstest"
)

// A script is a file of cases that run in order against one server.
//
// A line "METHOD path" begins a case. The lines that describe the request follow in any order:
//
//	header Name: value       of the request
//	form                     then indented lines name=value, posted as a form
//	json                     then indented lines, posted as they are
//
// The checks follow. Each check must hold:
//
//	code == 422              the status
//	header Name == value     a header of the answer, or: contains
//	body contains text       or: lacks, matches (a regular expression)
//	calls == 0               number of calls that the cloud got in this case
//	backups == 0             number of jobs that the cloud created in this case
//	keep name: regexp        keeps the first group, of Location, ETag or body; {name} stands for it below
//
// A line "wait 5s" advances the clock between two cases. Lines that begin with # are comments.
type script struct {
	t     *testing.T
	world *world
	kept  map[string]string

	where   string // file and line of the case
	method  string
	path    string
	headers http.Header
	body    []string
	mode    string // "form" or "json"
	answer  *http.Response
	content string
	calls   int
	backups int
}

func TestScripts(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts (error %v)", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			s := &script{t: t, world: newWorld(t), kept: map[string]string{}}
			s.run(name)
		})
	}
}

var startsCase = regexp.MustCompile(`^(GET|HEAD|POST|PUT|DELETE|TRACE) (/\S*)$`)

func (s *script) run(name string) {
	file, err := os.Open(name)
	if err != nil {
		s.t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line := s.fill(lines.Text())
		switch {
		case strings.HasPrefix(line, "\t"):
			s.body = append(s.body, line[1:])
		case line == "" || line[0] == '#':
		case startsCase.MatchString(line):
			m := startsCase.FindStringSubmatch(line)
			s.where, s.method, s.path = fmt.Sprintf("%s:%d", name, n), m[1], m[2]
			s.headers, s.body, s.mode, s.answer = http.Header{}, nil, "", nil
		default:
			s.line(fmt.Sprintf("%s:%d", name, n), line)
		}
	}
}

// fill replaces {name} in a line by the kept value with that name.
func (s *script) fill(line string) string {
	for name, value := range s.kept {
		line = strings.ReplaceAll(line, "{"+name+"}", value)
	}
	return line
}

func (s *script) line(where, line string) {
	verb, rest, _ := strings.Cut(line, " ")
	name, value, isHeader := strings.Cut(rest, ": ")
	switch {
	case verb == "wait":
		d, err := time.ParseDuration(rest)
		if err != nil {
			s.t.Fatalf("%s: %v", where, err)
		}
		s.world.clock.Add(d)
	case line == "form" || line == "json":
		s.mode = line
	case verb == "header" && isHeader && !strings.Contains(name, " "):
		s.headers.Add(name, value)
	case verb == "keep":
		s.send()
		m := regexp.MustCompile(value).FindStringSubmatch(s.answer.Header.Get("Location") + "\nETag: " + s.answer.Header.Get("ETag") + "\n" + s.content)
		if m == nil {
			s.t.Fatalf("%s: nothing to keep in:\n%s", where, s.content)
		}
		s.kept[name] = m[1]
	default:
		s.send()
		if err := s.check(verb, rest); err != nil {
			s.t.Errorf("%s: %v\n(status %d) %s", where, err, s.answer.StatusCode, short(s.content))
		}
	}
}

// send makes the request of the case. Further calls do nothing.
func (s *script) send() {
	s.t.Helper()
	if s.answer != nil {
		return
	}
	body := strings.Join(s.body, "\n")
	switch s.mode {
	case "form":
		values := url.Values{}
		for _, line := range s.body {
			name, value, _ := strings.Cut(line, "=")
			values.Add(name, strings.ReplaceAll(value, `\n`, "\n"))
		}
		body = values.Encode()
		s.headers.Set("Content-Type", "application/x-www-form-urlencoded")
	case "json":
		if s.headers.Get("Content-Type") == "" {
			s.headers.Set("Content-Type", "application/json")
		}
	}
	r := httptest.NewRequest(s.method, "http://localhost"+s.path, strings.NewReader(body))
	r.Header = s.headers
	if host := s.headers.Get("Host"); host != "" {
		r.Host = host
	}
	w := httptest.NewRecorder()
	before, made := s.world.calls(), s.world.created()
	s.world.handler.ServeHTTP(w, r)
	s.answer, s.calls, s.backups = w.Result(), s.world.calls()-before, s.world.created()-made
	content, err := io.ReadAll(s.answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.content = string(content)
	wordstest.Check(s.t, s.method+" "+s.path, s.content)
}

func (s *script) check(verb, rest string) error {
	switch verb {
	case "code":
		return compare(strconv.Itoa(s.answer.StatusCode), rest)
	case "calls":
		return compare(strconv.Itoa(s.calls), rest)
	case "backups":
		return compare(strconv.Itoa(s.backups), rest)
	case "header":
		name, test, _ := strings.Cut(rest, " ")
		return compare(strings.Join(s.answer.Header.Values(name), "\n"), test)
	case "body":
		return compare(s.content, rest)
	}
	return fmt.Errorf("no such line: %s %s", verb, rest)
}

// compare checks got against a test such as "== 200" or "contains text".
func compare(got, test string) error {
	verb, want, _ := strings.Cut(test, " ")
	ok := false
	switch verb {
	case "==":
		ok = got == want
	case "contains":
		ok = strings.Contains(got, want)
	case "lacks":
		ok = !strings.Contains(got, want)
	case "matches":
		ok = regexp.MustCompile(want).MatchString(got)
	default:
		return fmt.Errorf("no such comparison: %s", test)
	}
	if !ok {
		return fmt.Errorf("%s does not hold for %s", test, short(got))
	}
	return nil
}

func short(s string) string {
	if _, content, ok := strings.Cut(s, "<main"); ok {
		s = "<main" + content
	}
	if len(s) > 900 {
		return s[:900] + "…"
	}
	return s
}
