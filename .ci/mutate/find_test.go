package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
)

// parsed returns a package of one file, which may import only log/slog.
func parsed(t *testing.T, source string) *pack {
	t.Helper()
	p := &pack{fset: token.NewFileSet(), info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
	}}
	syntax, err := parser.ParseFile(p.fset, "p.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	p.types, err = (&types.Config{Importer: fakeSlog{}}).Check("p", p.fset, []*ast.File{syntax}, p.info)
	if err != nil {
		t.Fatal(err)
	}
	p.files = []sourceFile{{"p.go", syntax, []byte(source)}}
	return p
}

// fakeSlog is an importer that knows only a small log/slog.
type fakeSlog struct{}

func (fakeSlog) Import(path string) (*types.Package, error) {
	const source = "package slog\nfunc Debug(string)\nfunc Info(string)\nfunc Warn(string)\nfunc Error(string)\n"
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, "slog.go", source, 0)
	if err != nil {
		return nil, err
	}
	return (&types.Config{IgnoreFuncBodies: true}).Check(path, fset, []*ast.File{syntax}, nil)
}

func TestOnlyWarningsAndErrorsOfTheLogCount(t *testing.T) {
	p := parsed(t, `package p
import "log/slog"
func f() {
	slog.Debug("a")
	slog.Info("b")
	slog.Warn("c")
	slog.Error("d")
}
`)
	var got []string
	for _, m := range p.mutants() {
		got = append(got, m.what)
	}
	if want := []string{`remove slog.Warn("c")`, `remove slog.Error("d")`}; !slices.Equal(got, want) {
		t.Errorf("mutants %q, want %q", got, want)
	}
}

func TestMutantsOfEachKind(t *testing.T) {
	for _, test := range []struct{ name, body, want string }{
		{"bound", "_ = a < b", "negate a < b; < to <= in a < b"},
		{"equality", "_ = a == b", "negate a == b"},
		{"and", "_ = yes && no", "&& to || in yes && no"},
		{"not", "_ = !yes", "remove ! of !yes"},
		{"arithmetic", "_ = a * b", "* to / in a * b"},
		{"joined texts", "_ = s + s", ""},
		{"literal", "f(7)", "remove f(7); 7 to 8 in f(7); 7 to 6 in f(7)"},
		{"capacity", "_ = make([]int, a, 7)", ""},
		{"assignment", "a = b", "remove a = b"},
		{"assigned sum", "a += b", "remove a += b; += to -= in a += b"},
		{"joined assignment", "s += s", "remove s += s"},
		{"increment", "a++", "remove a++; ++ to -- in a++"},
		{"defer", "defer f(a)", "remove defer f(a)"},
		{"panic", "panic(s)", ""},
		{"guard", "if yes { return }", "remove guard if yes; negate yes"},
		{"guard of a comparison", "if a == b { return }", "remove guard if a == b; negate a == b"},
		{"no guard", "if yes { f(a) }", "negate yes; remove f(a)"},
		{"loop", "for yes { continue }", "negate yes; remove continue"},
		{"step of a loop", "for ; yes; a++ { }", "negate yes"},
		{"constant", "const c = 7", "const c 7 to 8; const c 7 to 6"},
		{"enumeration", "const c = iota", ""},
		{"named type of truth", "type T bool; var x, y T; _ = x && y", ""},
		{"length", "var x [7]int; _ = x", "7 to 8 in 7; 7 to 6 in 7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := parsed(t, "package p\nfunc f(int) {}\nfunc g(a, b int, yes, no bool, s string) {\n"+test.body+"\n}\n")
			var got []string
			for _, m := range p.mutants() {
				got = append(got, m.what)
			}
			if got := strings.Join(got, "; "); got != test.want {
				t.Errorf("mutants of %q:\n got %s\nwant %s", test.body, got, test.want)
			}
		})
	}
}

func TestMutantsNameTheirFunctionAndPlace(t *testing.T) {
	p := parsed(t, "package p\ntype T struct{}\nfunc (t *T) add(a int) int { return a + a }\n")
	all := p.mutants()
	if len(all) != 1 {
		t.Fatalf("%d mutants, want 1", len(all))
	}
	if got, want := all[0].String(), "p.go:3:39: (*T).add: + to - in a + a"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := all[0].key(), "p.go (*T).add: + to - in a + a"; got != want {
		t.Errorf("key %s, want %s", got, want)
	}
}

func TestAConstantTakesEffectWhereItIsUsed(t *testing.T) {
	p := parsed(t, "package p\nconst most = 7\nfunc f(a int) bool { return a != most }\n")
	i := slices.IndexFunc(p.mutants(), func(m *mutant) bool { return m.alone })
	got := p.mutants()[i].places
	if len(got) != 1 || got[0].at != (point{3, 34}) || got[0].to == (point{}) {
		t.Errorf("places are %v, want only 3:34 in f", got)
	}
}

// TestRenderedMutantsCompile proves that the source with all mutants, nested in every way, is
// still a valid program with the same lines.
func TestRenderedMutantsCompile(t *testing.T) {
	const source = `package p

type size uint8

const most = 3

var limit = size(2*most) + 1

func f(a, b int, s []size, yes bool) (n size) {
	defer func() { n += limit / 2 }()
	for i := 0; i < len(s) && !(a-b-1 > 0 || yes); i++ {
		if s[i] == 7 || i<b {
			continue
		}
		switch {
		case a <= b && s[0]*2 >= limit:
			n++
		case most < a:
			n -= s[i] * 3
			break
		}
	}
	if x := a + b*2; !yes &&
		x > 0 {
		return 1
	}
	return n
}
`
	p := parsed(t, source)
	all := p.mutants()
	changed := render([]byte(source), byFile(together(all))["p.go"])
	if got, want := strings.Count(string(changed), "\n"), strings.Count(source, "\n"); got != want {
		t.Errorf("%d lines, want %d", got, want)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for name, text := range map[string][]byte{"p.go": changed, switchFile: switches("p", "\nvar zzMutant int\n")} {
		file, err := parser.ParseFile(fset, name, text, 0)
		if err != nil {
			t.Fatalf("%v\n%s", err, changed)
		}
		files = append(files, file)
	}
	if _, err := new(types.Config).Check("p", fset, files, nil); err != nil {
		t.Errorf("%v\n%s", err, changed)
	}
}
