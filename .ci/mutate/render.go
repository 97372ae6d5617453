package main

import (
	"fmt"
	"slices"
	"strings"
)

// render returns source with the edits made. If one edit contains another, it must come before
// it. No edit adds or removes a line break, so line numbers stay the same.
func render(source []byte, edits []edit) []byte {
	before, after := map[int]string{}, map[int]string{}
	skip := map[int]int{}
	for _, e := range edits {
		before[e.start] += e.open
		if e.replace {
			skip[e.start] = e.end
			continue
		}
		after[e.end] = e.close + after[e.end]
	}
	var out []byte
	for i := 0; i <= len(source); {
		out = append(out, after[i]...)
		out = append(out, before[i]...)
		if end, ok := skip[i]; ok {
			i = end
			continue
		}
		if i < len(source) {
			out = append(out, source[i])
		}
		i++
	}
	return out
}

// switchFile is the file that the overlay adds to a package. Its names begin with zz.
const switchFile = "zz_mutate.go"

// swaps lists, for binary operators, by which operator a mutant replaces them. function is the
// name of the generated function that computes operator, or other if the mutant is switched on.
var swaps = []struct{ function, constraint, operator, other, result string }{
	{"zzLess", "zzOrdered", "<", "<=", "bool"},
	{"zzLessEqual", "zzOrdered", "<=", "<", "bool"},
	{"zzGreater", "zzOrdered", ">", ">=", "bool"},
	{"zzGreaterEqual", "zzOrdered", ">=", ">", "bool"},
	{"zzAdd", "zzNumber", "+", "-", "T"},
	{"zzSubtract", "zzNumber", "-", "+", "T"},
	{"zzMultiply", "zzNumber", "*", "/", "T"},
	{"zzDivide", "zzNumber", "/", "*", "T"},
}

// switches returns the text of switchFile, in which head declares zzMutant.
func switches(pkg, head string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n%s%s", pkg, head, switchText)
	for _, s := range swaps {
		fmt.Fprintf(&b, swapText, s.function, s.constraint, s.result, s.other, s.operator)
	}
	return []byte(b.String())
}

// swapFor returns the function that exchanges operator for another.
func swapFor(operator string) (function, other string, ok bool) {
	for _, s := range swaps {
		if s.operator == operator {
			return s.function, s.other, true
		}
	}
	return "", "", false
}

// fromEnvironment is the head of switchFile that reads the number of the mutant from MUTANT.
const fromEnvironment = `
import (
	"os"
	"strconv"
)

var zzMutant, _ = strconv.Atoi(os.Getenv("MUTANT"))
`

// swapText is the format of a function of swaps.
const swapText = `
func %s[T %s](n int, a, b T) %s {
	if zzMutant == n {
		return a %s b
	}
	return a %s b
}
`

// switchText has the fixed part of switchFile: the constraints, and the functions that are not
// generated from swaps.
const switchText = `
type zzNumber interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr |
		~float32 | ~float64
}

type zzOrdered interface{ zzNumber | ~string }

// zzKeep guards a statement. It is false, so that the statement is left out, if mutant n is on.
func zzKeep(n int) bool { return zzMutant != n }

// zzGuard returns b; if mutant n is on it returns false, so that the code that depends on b is left out.
func zzGuard(n int, b bool) bool { return b && zzMutant != n }

// zzNot returns b; if mutant n is on it returns the opposite.
func zzNot(n int, b bool) bool { return b != (zzMutant == n) }

// zzStep returns a; if mutant n is on it returns a+1 or a-1.
func zzStep[T zzNumber](n int, up bool, a T) T {
	if zzMutant != n {
		return a
	}
	if up {
		return a + 1
	}
	return a - 1
}
`

// byFile returns the edits of the mutants that share a binary, by file.
func byFile(mutants []*mutant) map[string][]edit {
	edits := map[string][]edit{}
	for _, m := range mutants {
		edits[m.file] = append(edits[m.file], m.edits...)
	}
	return edits
}

// together returns the mutants that share a binary.
func together(mutants []*mutant) []*mutant {
	return slices.DeleteFunc(slices.Clone(mutants), func(m *mutant) bool { return m.alone || m.verdict == invalid })
}
