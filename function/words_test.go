package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"backupportal/function/param/wordstest"
)

// TestTextsHaveNoBannedPhrase checks every string literal of the program, and
// so every text of pages, answers, messages, errors and logs in both languages.
// Pages are read as the generated Go files of their templates. The emulator is
// left out: its texts are the vendor's.
func TestTextsHaveNoBannedPhrase(t *testing.T) {
	texts := 0
	for _, folder := range packageFolders(t) {
		if strings.Contains(folder, "emulator") || strings.HasSuffix(folder, "test") {
			continue
		}
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if !strings.HasSuffix(name, "_test.go") {
				texts += checkTexts(t, name)
			}
		}
	}
	if texts < 2000 {
		t.Errorf("only %d strings were checked", texts)
	}
	demo, err := os.ReadFile("cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(demo), "\n") {
		text, _, _ := strings.Cut(line, "#")
		wordstest.Check(t, "cmd/local/policy.yaml:"+strconv.Itoa(i+1), text)
	}
}

// checkTexts checks the string literals of a Go file, and returns their number.
// Literals that are joined by + are one text.
func checkTexts(t *testing.T, name string) (n int) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		e, ok := node.(ast.Expr)
		if !ok {
			return true
		}
		if text, ok := joined(e); ok {
			n++
			wordstest.Check(t, files.Position(e.Pos()).String(), text)
		}
		return true
	})
	return n
}

// joined returns the text of a string literal, or of a concatenation (+) of literals with other
// expressions. Each other expression becomes a space. ok is false if e contains no string literal.
func joined(e ast.Expr) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.BinaryExpr:
		left, first := joined(e.X)
		right, second := joined(e.Y)
		switch {
		case e.Op != token.ADD || !first && !second:
			return "", false
		case !first:
			left = " "
		case !second:
			right = " "
		}
		return left + right, true
	}
	return "", false
}
