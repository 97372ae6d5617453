package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
)

const designFile = "docs/design.md"

// documents returns the paths of README.md and of the Markdown files in docs and its folders.
func documents(t *testing.T, files fs.FS) []string {
	t.Helper()
	found := []string{"README.md"}
	err := fs.WalkDir(files, "docs", func(name string, d fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".md" {
			found = append(found, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func readDocument(t *testing.T, files fs.FS, name string) string {
	t.Helper()
	text, err := fs.ReadFile(files, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDocumentsLinkToFilesAndHeadingsThatExist(t *testing.T) {
	files := os.DirFS("..")
	for _, name := range documents(t, files) {
		links := linksOf(readDocument(t, files, name))
		for _, problem := range deadLinks(files, name, links) {
			t.Error(problem)
		}
		if name == designFile && len(links) < 50 {
			t.Errorf("%s: %d links found: are links still read?", name, len(links))
		}
	}
}

// TestContentsLeadToEachDocument proves that a reader reaches each document by links from
// docs/README.md, the page of contents.
func TestContentsLeadToEachDocument(t *testing.T) {
	files := os.DirFS("..")
	const contents = "docs/README.md"
	reached := map[string]bool{contents: true}
	for waiting := []string{contents}; len(waiting) > 0; waiting = waiting[1:] {
		for _, target := range linksOf(readDocument(t, files, waiting[0])) {
			file, _, _ := strings.Cut(target, "#")
			linked := path.Join(path.Dir(waiting[0]), file)
			if file != "" && path.Ext(linked) == ".md" && !reached[linked] {
				reached[linked] = true
				waiting = append(waiting, linked)
			}
		}
	}
	for _, name := range documents(t, files) {
		if !reached[name] {
			t.Errorf("no chain of links leads from %s to %s", contents, name)
		}
	}
}

// TestReadmeIsShort proves that README.md has at most 120 lines: it is an overview.
func TestReadmeIsShort(t *testing.T) {
	if lines := strings.Count(readDocument(t, os.DirFS(".."), "README.md"), "\n"); lines > 120 {
		t.Errorf("README.md has %d lines, want at most 120", lines)
	}
}

func TestDesignUsesGoNamesThatExist(t *testing.T) {
	files := os.DirFS("..")
	declared, err := declaredNames(files)
	if err != nil {
		t.Fatal(err)
	}
	names := goNames(readDocument(t, files, designFile))
	for _, problem := range unknownNames(declared, names) {
		t.Errorf("%s: %s", designFile, problem)
	}
	if len(names) < 50 {
		t.Errorf("%s: %d names found: are names still read?", designFile, len(names))
	}
}

// TestDesignDrawsTheImportsThatAreAllowed proves that the package diagrams show every permitted
// import between the packages that they show, and no other.
func TestDesignDrawsTheImportsThatAreAllowed(t *testing.T) {
	charts := flowcharts(readDocument(t, os.DirFS(".."), designFile))
	if len(charts) != 2 {
		t.Fatalf("%d flowcharts, want that of the portal and that of the emulator", len(charts))
	}
	for _, chart := range charts {
		for _, problem := range wrongArrows(chart, allowed) {
			t.Errorf("%s: %s", designFile, problem)
		}
	}
}

func TestDesignDecisionsHaveTheFixedParts(t *testing.T) {
	_, decisions, ok := strings.Cut(readDocument(t, os.DirFS(".."), designFile), "\n## Decisions\n")
	sections := strings.Split("\n"+decisions, "\n### ")[1:]
	if !ok || len(sections) < 30 {
		t.Fatalf("%d decisions found", len(sections))
	}
	for _, section := range sections {
		title, body, _ := strings.Cut(section, "\n")
		var parts []string
		for _, m := range regexp.MustCompile(`(?m)^\*\*(.+?)\.\*\* \S`).FindAllStringSubmatch(body, -1) {
			parts = append(parts, m[1])
		}
		if want := []string{"Context", "Decision", "Consequences", "Files"}; !slices.Equal(parts, want) {
			t.Errorf("%s: decision %q has the parts %q, want %q", designFile, title, parts, want)
		}
	}
}

var (
	fencedCode = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	inlineCode = regexp.MustCompile("`[^`\n]+`")
	inlineLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading    = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	withScheme = regexp.MustCompile(`\A[a-z][a-z0-9+.-]*:`)
)

// linksOf returns the relative targets of the links and pictures in a Markdown
// text. Text in code is no link.
func linksOf(markdown string) (targets []string) {
	prose := inlineCode.ReplaceAllString(fencedCode.ReplaceAllString(markdown, ""), "")
	for _, m := range inlineLink.FindAllStringSubmatch(prose, -1) {
		if !withScheme.MatchString(m[1]) {
			targets = append(targets, m[1])
		}
	}
	return targets
}

// deadLinks reports the targets, seen from the document called name, whose file
// does not exist in files or whose anchor is not a heading there.
func deadLinks(files fs.FS, name string, targets []string) (problems []string) {
	for _, target := range targets {
		file, anchor, anchored := strings.Cut(target, "#")
		linked := name
		if file != "" {
			linked = path.Join(path.Dir(name), file)
		}
		text, err := fs.ReadFile(files, linked)
		if err != nil {
			if info, statErr := fs.Stat(files, linked); statErr != nil || !info.IsDir() || anchored {
				problems = append(problems, fmt.Sprintf("%s links to %s: no such file", name, target))
			}
			continue
		}
		if anchored && !slices.Contains(anchors(string(text)), anchor) {
			problems = append(problems, fmt.Sprintf("%s links to %s: no such heading", name, target))
		}
	}
	return problems
}

// anchors returns the anchors that GitHub gives to the headings of a Markdown text. An anchor
// is in lower case and has hyphens for blanks and no other punctuation. If a heading occurs
// again, its anchor ends with a number.
func anchors(markdown string) (all []string) {
	seen := map[string]int{}
	for _, m := range heading.FindAllStringSubmatch(fencedCode.ReplaceAllString(markdown, ""), -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])
		n := seen[anchor]
		seen[anchor]++
		if n > 0 {
			anchor = fmt.Sprintf("%s-%d", anchor, n)
		}
		all = append(all, anchor)
	}
	return all
}

// declaredNames parses the Go files of the module except tests. For each package name
// it returns the names at the top level, and the fields and methods of each type as
// Type.Member. Packages with equal names share an entry.
func declaredNames(files fs.FS) (map[string]map[string]bool, error) {
	all := map[string]map[string]bool{}
	for _, top := range []string{"function", "web", "templates"} {
		err := fs.WalkDir(files, top, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			source, err := fs.ReadFile(files, name)
			if err != nil {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			if all[file.Name.Name] == nil {
				all[file.Name.Name] = map[string]bool{}
			}
			for _, d := range file.Decls {
				declare(all[file.Name.Name], d)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// declare adds the names that one declaration introduces.
func declare(names map[string]bool, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			names[d.Name.Name] = true
		} else {
			names[receiver(d.Recv.List[0].Type)+"."+d.Name.Name] = true
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					names[name.Name] = true
				}
			case *ast.TypeSpec:
				names[spec.Name.Name] = true
				for _, member := range members(spec.Type) {
					names[spec.Name.Name+"."+member] = true
				}
			}
		}
	}
}

// receiver returns the name of the type that a method belongs to.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// members returns the names of the fields of a struct, or of the methods of an
// interface. Members of embedded types are left out.
func members(e ast.Expr) (names []string) {
	var list *ast.FieldList
	switch e := e.(type) {
	case *ast.StructType:
		list = e.Fields
	case *ast.InterfaceType:
		list = e.Methods
	default:
		return nil
	}
	for _, field := range list.List {
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
	}
	return names
}

// A goName is package.Name or package.Type.Member.
var goName = regexp.MustCompile(`\A([a-z][a-z0-9]*)\.([A-Za-z]\w*(?:\.[A-Za-z]\w*)?)(?:\(.*\))?\z`)

// fileName matches the names of files. They must be excluded, because goName matches them too.
var fileName = regexp.MustCompile(`\.(go|md|yaml|yml|js|sh|sql|css|templ)\z`)

// goNames returns the names of Go that a Markdown text has as inline code, such as
// package.Name. It ignores blocks of code.
func goNames(markdown string) (names []string) {
	for _, span := range inlineCode.FindAllString(fencedCode.ReplaceAllString(markdown, ""), -1) {
		if span = strings.Trim(span, "`"); goName.MatchString(span) && !fileName.MatchString(span) {
			names = append(names, span)
		}
	}
	return names
}

// unknownNames returns the names of Go that are not in declared, for packages that are in
// declared. It ignores names of other packages.
func unknownNames(declared map[string]map[string]bool, names []string) (problems []string) {
	for _, name := range names {
		m := goName.FindStringSubmatch(name)
		if known, ours := declared[m[1]]; ours && !known[m[2]] {
			problems = append(problems, fmt.Sprintf("package %s declares no %s", m[1], m[2]))
		}
	}
	return problems
}

var (
	flowchart = regexp.MustCompile("(?ms)^```mermaid\nflowchart .*?^```$")
	chartNode = regexp.MustCompile(`(?m)^ *(\w+)\["([^"]+)"\]$`)
	chartEdge = regexp.MustCompile(`(?m)^ *(\w+) --> (\w+(?: & \w+)*)$`)
)

// flowcharts returns the flowcharts of a Markdown text.
func flowcharts(markdown string) []string { return flowchart.FindAllString(markdown, -1) }

// wrongArrows returns the differences between the arrows of a flowchart of packages and a table
// of permitted imports.
func wrongArrows(chart string, permitted map[string][]string) (problems []string) {
	packages := map[string]string{} // by the ids of the chart
	for _, m := range chartNode.FindAllStringSubmatch(chart, -1) {
		packages[m[1]] = m[2]
		if _, known := permitted[m[2]]; !known {
			problems = append(problems, fmt.Sprintf("a diagram shows %s, which is no package", m[2]))
		}
	}
	drawn := map[[2]string]bool{}
	for _, m := range chartEdge.FindAllStringSubmatch(chart, -1) {
		for to := range strings.SplitSeq(m[2], " & ") {
			edge := [2]string{packages[m[1]], packages[to]}
			drawn[edge] = true
			if !slices.Contains(permitted[edge[0]], edge[1]) {
				problems = append(problems, fmt.Sprintf("a diagram draws %s --> %s, which is not permitted", m[1], to))
			}
		}
	}
	for _, from := range packages {
		for _, to := range packages {
			if slices.Contains(permitted[from], to) && !drawn[[2]string{from, to}] {
				problems = append(problems, fmt.Sprintf("a diagram lacks %s --> %s", from, to))
			}
		}
	}
	if lines := strings.Count(chart, "\n") - 2; len(packages)+len(chartEdge.FindAllString(chart, -1)) != lines {
		problems = append(problems, "a diagram has a line that is neither a package nor an arrow")
	}
	return problems
}

// example is a small Go module with one document, as test data.
var example = fstest.MapFS{
	"docs/a.md":            {Data: []byte("# A\n\n## Two words, `code`\n\n## Same\n\n## Same\n\n```\n# no heading\n```\n")},
	"function/p/p.go":      {Data: []byte("package p\n\ntype T struct{ Field int }\n\nfunc (t *T) Method() {}\n\ntype G[K any] struct{}\n\nfunc (G[K]) Do() {}\n\ntype I interface{ Ask() }\n\nconst C, d = 1, 2\n\nfunc F() {}\n")},
	"function/p/p_test.go": {Data: []byte("package p\n\nfunc OnlyInTests() {}\n")},
	"templates/t.go":       {Data: []byte("package templates\n")},
	"web/w.go":             {Data: []byte("package web\n")},
	"README.md":            {Data: []byte("# R\n")},
}

func TestDeadLinks(t *testing.T) {
	for _, c := range []struct{ markdown, want string }{
		{"[A](a.md), [own](#a), ![R](../README.md), [up](../README.md#r), [folder](../function/p)", ""},
		{"[A](a.md#two-words-code) [A](a.md#same) [A](a.md#same-1)", ""},
		{"[web](https://example.com/a.md#x) [mail](mailto:a@example.com)", ""},
		{"`[A](missing.md)`\n```\n[A](missing.md)\n```\n", ""},
		{"[A](missing.md)", "docs/a.md links to missing.md: no such file"},
		{"[A\nB](missing.md)", "docs/a.md links to missing.md: no such file"},
		{"[A](README.md)", "docs/a.md links to README.md: no such file"},
		{"[A](a.md#b)", "docs/a.md links to a.md#b: no such heading"},
		{"[A](#no-heading)", "docs/a.md links to #no-heading: no such heading"},
		{"[A](a.md#same-2)", "docs/a.md links to a.md#same-2: no such heading"},
		{"[A](a.md#)", "docs/a.md links to a.md#: no such heading"},
		{"[p](../function/p/p.go#L3)", "docs/a.md links to ../function/p/p.go#L3: no such heading"},
		{"[p](../function/p#x)", "docs/a.md links to ../function/p#x: no such file"},
	} {
		if got := strings.Join(deadLinks(example, "docs/a.md", linksOf(c.markdown)), "; "); got != c.want {
			t.Errorf("%q: %q, want %q", c.markdown, got, c.want)
		}
	}
}

func TestUnknownNames(t *testing.T) {
	declared, err := declaredNames(example)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ markdown, want string }{
		{"`p.T` `p.T.Field` `p.T.Method` `p.T.Method(1)` `p.G.Do` `p.I.Ask` `p.C` `p.d` `p.F()`", ""},
		{"`json.Nothing` `p.go` `a.b.c.d` `P.X` p.Missing `p.F and more`", ""},
		{"```go\np.Missing\n`p.Missing`\n```\n", ""},
		{"`p.Missing`", "package p declares no Missing"},
		{"`p.missing`", "package p declares no missing"},
		{"`p.T.Missing` `p.Method`", "package p declares no T.Missing; package p declares no Method"},
		{"`p.Missing(1)`", "package p declares no Missing"},
		{"`p.OnlyInTests`", "package p declares no OnlyInTests"},
		{"`web.Server`", "package web declares no Server"},
	} {
		if got := strings.Join(unknownNames(declared, goNames(c.markdown)), "; "); got != c.want {
			t.Errorf("%q: %q, want %q", c.markdown, got, c.want)
		}
	}
}

func TestWrongArrows(t *testing.T) {
	permitted := map[string][]string{"one": {"two", "three"}, "two": {"three"}, "three": nil}
	nodes := "  a[\"one\"]\n  b[\"two\"]\n"
	for _, c := range []struct{ lines, want string }{
		{nodes + "  a --> b\n", ""},
		{nodes + "  c[\"three\"]\n  a --> b & c\n  b --> c\n", ""},
		{nodes, "a diagram lacks one --> two"},
		{nodes + "  a --> b\n  b --> a\n", "a diagram draws b --> a, which is not permitted"},
		{nodes + "  a --> b\n  c[\"four\"]\n", "a diagram shows four, which is no package"},
		{nodes + "  a --> b\n  a ==> c\n", "a diagram has a line that is neither a package nor an arrow"},
	} {
		charts := flowcharts("text\n\n```mermaid\nflowchart TD\n" + c.lines + "```\n")
		if len(charts) != 1 {
			t.Fatalf("%q: %d charts", c.lines, len(charts))
		}
		if got := strings.Join(wrongArrows(charts[0], permitted), "; "); got != c.want {
			t.Errorf("%q: %q, want %q", c.lines, got, c.want)
		}
	}
}
