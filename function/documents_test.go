package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/policy"
)

var updateDocuments = flag.Bool("update", false, "write the generated documents")

// aboutCode lists documents about the code, which the tests of this file leave out. These tests
// compare the other documents with the program: each variable, metric, route, command and message
// that a document names must exist. They read inline code and blocks of commands.
var aboutCode = []string{designFile, "docs/emulator.md", "docs/performance.md", "docs/CONTRIBUTING.md"}

var (
	variableName = regexp.MustCompile(`\A[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\z`)
	metricName   = regexp.MustCompile(`\Abackup_portal_[a-z_]+\z`)
	policyKey    = regexp.MustCompile(`\A[a-z]+(?:_[a-z]+)+\z`) // also names in logs and answers
	routeName    = regexp.MustCompile(`\A(?:(GET|POST) )?(/[a-z][^ ]*)\z`)
	makeTarget   = regexp.MustCompile(`\Amake ([a-z]+)`)
)

// foreignVariables are names that the documents mention and the program need not know:
// environment variables and codes of other systems, such as CI services.
var foreignVariables = []string{
	"CIRCLE_OIDC_TOKEN_V2", "TFC_WORKLOAD_IDENTITY_AUDIENCE", "TFC_WORKLOAD_IDENTITY_TOKEN", "SYSTEM_ACCESSTOKEN",
	"BITBUCKET_STEP_OIDC_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "CURL_CA_BUNDLE",
}

// foreignKeys are names of settings and of token claims that the documents mention and that
// belong to other systems. The tests do not look for them in the program.
var foreignKeys = []string{"https_proxy", "ignore_startup_parameters", "pg_dump", "id_tokens", "ref_protected", "terraform_run_phase"}

// foreignPaths are beginnings of paths that the documents mention and that are no routes of the
// portal: paths of files and of other systems.
var foreignPaths = []string{"/.well-known/openid-configuration", "/etc/", "/opt/", "/var/", "/dev/"}

func TestDocumentsNameWhatExists(t *testing.T) {
	files := os.DirFS("..")
	sources, literals := readSources(t, files)
	routes := knownRoutes(t, files, literals)
	targets := string(mustRead(t, files, "Makefile"))
	counts := map[string]int{}
	for _, name := range documents(t, files) {
		if slices.Contains(aboutCode, name) {
			continue
		}
		text := readDocument(t, files, name)
		own := text // a page may define variables of its own in its blocks of commands
		for _, span := range inlineCode.FindAllString(fencedCode.ReplaceAllString(text, ""), -1) {
			span = strings.Trim(span, "`")
			word, _, _ := strings.Cut(span, "=")
			route := routeName.FindStringSubmatch(span)
			switch {
			case variableName.MatchString(word):
				counts["variables"]++
				exported := strings.Contains(own, "export "+word+"=") || strings.Contains(own, "\n"+word+"=")
				if !exported && !slices.Contains(foreignVariables, word) && !containsWord(sources, word) {
					t.Errorf("%s names %s, which the program does not have", name, span)
				}
			case metricName.MatchString(span):
				counts["metrics"]++
				if !containsWord(sources, span) {
					t.Errorf("%s names the metric %s, which does not exist", name, span)
				}
			case route != nil && !slices.ContainsFunc(foreignPaths, func(p string) bool { return strings.HasPrefix(route[2], p) }):
				counts["routes"]++
				if !matchesRoute(routes, route[2]) {
					t.Errorf("%s names %s, which is no route", name, span)
				}
			case policyKey.MatchString(span):
				counts["keys"]++
				if !slices.Contains(foreignKeys, span) && !containsWord(sources, span) {
					t.Errorf("%s names %s, which is no key of the policy and no other word of the program", name, span)
				}
			case makeTarget.MatchString(span):
				counts["targets"]++
				if target := makeTarget.FindStringSubmatch(span)[1]; !strings.Contains(targets, "\n"+target+":") {
					t.Errorf("%s names make %s, which is no target", name, target)
				}
			}
		}
	}
	for kind, least := range map[string]int{"variables": 60, "metrics": 1, "routes": 15, "keys": 40, "targets": 1} {
		if counts[kind] < least {
			t.Errorf("%d %s found: are they still read?", counts[kind], kind)
		}
	}
}

// containsWord reports whether text has word, not as a part of a longer word.
func containsWord(text, word string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(word) + `\b`).MatchString(text)
}

// readSources returns the text of all files of the program and its configuration, in which the
// tests look for the names that documents mention. literals are the string literals of the
// program.
func readSources(t *testing.T, files fs.FS) (text string, literals []string) {
	t.Helper()
	var all strings.Builder
	for _, top := range []string{"function", "web", "templates", "s.yaml", "Makefile", "docs/policy.example.yaml", "docs/s.events.yaml", "docs/s.custom.yaml", "docs/s.batches.yaml"} {
		err := fs.WalkDir(files, top, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") {
				return err
			}
			if !slices.Contains([]string{".go", ".yaml", ".yml", ".sh", ""}, path.Ext(name)) {
				return nil
			}
			source := mustRead(t, files, name)
			all.Write(source)
			if path.Ext(name) == ".go" {
				literals = append(literals, literalsOf(t, name, source)...)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String(), literals
}

// literalsOf returns the string literals of a Go file. Literals that are joined by + are one text.
func literalsOf(t *testing.T, name string, source []byte) (texts []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		if e, ok := node.(ast.Expr); ok {
			if text, ok := joined(e); ok {
				texts = append(texts, text)
			}
		}
		return true
	})
	return texts
}

func mustRead(t *testing.T, files fs.FS, name string) []byte {
	t.Helper()
	data, err := fs.ReadFile(files, name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// knownRoutes returns the paths of the portal's routes: those of the OpenAPI document, and the
// paths among the string literals.
func knownRoutes(t *testing.T, files fs.FS, literals []string) (routes []string) {
	t.Helper()
	var openAPI struct{ Paths map[string]any }
	if err := json.Unmarshal(mustRead(t, files, "web/testdata/openapi.json"), &openAPI); err != nil {
		t.Fatal(err)
	}
	for route := range openAPI.Paths {
		routes = append(routes, route)
	}
	for _, literal := range literals {
		literal = strings.TrimPrefix(strings.TrimPrefix(literal, "GET "), "POST ")
		if strings.HasPrefix(literal, "/") && !strings.ContainsAny(literal, " %\n") {
			routes = append(routes, literal)
		}
	}
	return routes
}

// matchesRoute reports whether the path in a document is one of the routes. A segment in
// braces, in upper case, or that is an ellipsis stands for any value.
func matchesRoute(routes []string, documented string) bool {
	documented, _, _ = strings.Cut(documented, "?")
	stands := regexp.MustCompile(`\A(?:\{.*\}|[A-Z_]+|…)\z`)
	for _, route := range routes {
		ours, theirs := strings.Split(documented, "/"), strings.Split(strings.TrimSuffix(route, "{$}"), "/")
		if len(ours) != len(theirs) {
			continue
		}
		same := true
		for i := range ours {
			same = same && (ours[i] == theirs[i] || stands.MatchString(ours[i]) || stands.MatchString(theirs[i]))
		}
		if same {
			return true
		}
	}
	return false
}

var (
	commandBlock = regexp.MustCompile("(?ms)^ *```sh(?: [a-z]+)?\n(.*?)^ *```$")
	ourProgram   = regexp.MustCompile(`(?:dist/main|\$PORTAL_HOME/main"|go run \./function) ((?:[a-z][a-z-]*)(?: [a-z]+)?)((?: +\S+)*)`)
	commandFlag  = regexp.MustCompile(` -([a-z]+)\b`)
)

// TestDocumentsShowCommandsThatExist proves that the shell accepts the syntax of each block of
// commands in the documents. It also proves that each shown command of the program exists and
// has the shown flags.
func TestDocumentsShowCommandsThatExist(t *testing.T) {
	files := os.DirFS("..")
	blocks, shown := 0, 0
	for _, name := range documents(t, files) {
		text := readDocument(t, files, name)
		var lines []string
		for _, block := range commandBlock.FindAllStringSubmatch(text, -1) {
			blocks++
			shell := exec.CommandContext(t.Context(), "sh", "-n")
			shell.Stdin = strings.NewReader(block[1])
			if out, err := shell.CombinedOutput(); err != nil {
				t.Errorf("%s: the shell refuses a block: %v\n%s%s", name, err, out, block[1])
			}
			lines = append(lines, strings.Split(strings.ReplaceAll(block[1], "\\\n", ""), "\n")...)
		}
		for _, span := range inlineCode.FindAllString(fencedCode.ReplaceAllString(text, ""), -1) {
			if strings.Contains(span, "dist/main ") {
				lines = append(lines, strings.Trim(span, "`"))
			}
		}
		for _, line := range lines {
			line, _, _ = strings.Cut(line, " #")
			for _, m := range ourProgram.FindAllStringSubmatch(line, -1) {
				shown++
				if problem := unknownCommand(m[1], m[2]); problem != "" {
					t.Errorf("%s: %s: %s", name, strings.TrimSpace(line), problem)
				}
			}
		}
	}
	if blocks < 15 || shown < 15 {
		t.Errorf("%d blocks and %d commands found: are they still read?", blocks, shown)
	}
}

// unknownCommand checks one command line of the program that a document shows. words are the
// command's first words, and rest is what follows. It returns which command or flag does not
// exist, or "" if all exist.
func unknownCommand(words, rest string) string {
	for _, c := range commands {
		second := strings.TrimPrefix(words, c.name)
		if words != c.name && !strings.HasPrefix(second, " ") || !strings.HasPrefix(words, c.name) {
			continue
		}
		var help bytes.Buffer
		_ = c.run([]string{"-h"}, environment{os.Getenv, os.Stdin, &help}) // the error is flag.ErrHelp
		for _, flag := range commandFlag.FindAllStringSubmatch(rest, -1) {
			if !strings.Contains(help.String(), "\n  -"+flag[1]) {
				return "there is no flag -" + flag[1]
			}
		}
		return ""
	}
	return "there is no command " + words
}

// TestTroubleshootingHasTheMessagesOfTheProgram proves that each message in
// docs/troubleshooting.md is a text of the program. A message is inline code at the beginning
// of a heading or of a table row. An ellipsis in it stands for any value.
func TestTroubleshootingHasTheMessagesOfTheProgram(t *testing.T) {
	files := os.DirFS("..")
	_, literals := readSources(t, files)
	first := regexp.MustCompile("(?m)^(?:\\| |#+ )`([^`]+)`")
	found := first.FindAllStringSubmatch(readDocument(t, files, "docs/troubleshooting.md"), -1)
	if len(found) < 20 {
		t.Errorf("%d messages found: are they still read?", len(found))
	}
	for _, m := range found {
		if !slices.ContainsFunc(literals, func(text string) bool { return saysAll(text, strings.Split(m[1], "…")) }) {
			t.Errorf("docs/troubleshooting.md has the message %q, which is no text of the program", m[1])
		}
	}
}

// saysAll reports whether text has all parts, in their order.
func saysAll(text string, parts []string) bool {
	for _, part := range parts {
		_, after, ok := strings.Cut(text, strings.TrimSpace(part))
		if !ok {
			return false
		}
		text = after
	}
	return true
}

// TestReferenceOfVariables proves that docs/environment.md has a row for each environment
// variable that package app reads, except for those that a platform sets.
func TestReferenceOfVariables(t *testing.T) {
	files := os.DirFS("..")
	page := readDocument(t, files, "docs/environment.md")
	sources, err := fs.Glob(files, "function/app/*.go")
	if err != nil {
		t.Fatal(err)
	}
	read := regexp.MustCompile(`"(ADDR|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"`)
	found := map[string]bool{}
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		for _, m := range read.FindAllStringSubmatch(string(mustRead(t, files, source)), -1) {
			if !strings.HasPrefix(m[1], "FC_") && !strings.HasPrefix(m[1], "AWS_") {
				found[m[1]] = true
			}
		}
	}
	for variable := range found {
		if !regexp.MustCompile("(?m)^\\|.*`" + variable + "`.*\\|").MatchString(page) {
			t.Errorf("docs/environment.md lacks %s", variable)
		}
	}
	if len(found) < 30 {
		t.Errorf("%d variables found: are they still read?", len(found))
	}
}

// TestPoliciesInDocumentsAreAccepted proves that the program accepts each policy in the
// documents. A block "yaml policy" is a whole policy. A block "yaml sources" has only the key
// sources; the test puts it into a policy with an account prod.
func TestPoliciesInDocumentsAreAccepted(t *testing.T) {
	const around = `
version: 1
enabled: true
accounts: [{alias: prod, enabled: true, account_id: "1234567890123456", access: own, regions: [cn-hangzhou]}]
teams: [{name: all, members: [{event: direct}]}]
rules:
  - {id: all, teams: [all], actions: [backup.view], accounts: [prod], regions: [cn-hangzhou], source_types: [UDM_ECS], any_instance: true}
`
	files, found := os.DirFS(".."), 0
	block := regexp.MustCompile("(?ms)^```yaml (policy|sources)\n(.*?)^```$")
	for _, name := range documents(t, files) {
		for _, m := range block.FindAllStringSubmatch(readDocument(t, files, name), -1) {
			found++
			text := m[2]
			if m[1] == "sources" {
				text = around + text
			}
			if _, err := policy.Load([]byte(text), func(string) string { return "a secret of 24 characters" }); err != nil {
				t.Errorf("%s: %v\n%s", name, err, text)
			}
		}
	}
	if found < 5 {
		t.Errorf("%d policies found: are they still read?", found)
	}
}

// TestGuidesNameTheStates proves that the guides in both languages explain each state, with the name that the
// pages show.
func TestGuidesNameTheStates(t *testing.T) {
	files := os.DirFS("..")
	english, chinese := readDocument(t, files, "docs/guide.md"), readDocument(t, files, "docs/zh/guide.md")
	for _, state := range []backup.State{
		backup.StateSending, backup.StateUnknown, backup.StateRefused, backup.StateNotSent, backup.StateDenied, backup.StateRejected,
		backup.StateQueued, backup.StateRunning, backup.StateCanceling, backup.StateComplete, backup.StatePartialComplete,
		backup.StateFailed, backup.StateCanceled,
	} {
		if name := state.Name(); !strings.Contains(english, "*"+name.En+"*") || !strings.Contains(chinese, name.Zh) {
			t.Errorf("a guide lacks the state %s, %s", name.En, name.Zh)
		}
	}
}

// TestReferenceOfCommands proves that docs/reference/commands.md has the current help text of each command. make
// generate writes the file.
func TestReferenceOfCommands(t *testing.T) {
	var page strings.Builder
	page.WriteString("# Commands\n\nThe program runs one command for an operator and ends. Without a command it serves. This page is generated\n" +
		"(`make generate`): it is what `COMMAND -h` prints.\n\n" +
		"The exit status is 0 for success, 1 for a negative result or an error, and 2 for a command line or an input that cannot\n" +
		"be used.\n\n| command | effect |\n|---|---|\n")
	for _, c := range commands {
		fmt.Fprintf(&page, "| [`%s`](#%s) | %s |\n", c.name, strings.ReplaceAll(c.name, " ", "-"), c.usage)
	}
	for _, c := range commands {
		var help bytes.Buffer
		_ = c.run([]string{"-h"}, environment{func(string) string { return "" }, os.Stdin, &help}) // the error is flag.ErrHelp
		text := regexp.MustCompile(`"[^"]*/policy\.yaml"`).ReplaceAllString(help.String(), `"policy.yaml" in the folder of the program`)
		text = regexp.MustCompile(`"t[0-9]{8}"`).ReplaceAllString(text, "t and the date") // the page must not change every day
		fmt.Fprintf(&page, "\n## %s\n\n```\n%s\n```\n", c.name, strings.ReplaceAll(strings.TrimSpace(text), "\t", "    "))
	}
	compareDocument(t, "../docs/reference/commands.md", page.String())
}

// compareDocument compares a generated document with its file, or writes the file with -update.
func compareDocument(t *testing.T, name, want string) {
	t.Helper()
	if *updateDocuments {
		if err := os.WriteFile(filepath.FromSlash(name), []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(name)
	if err != nil || string(got) != want {
		t.Errorf("%s is out of date: run make generate. %v", name, err)
	}
}
