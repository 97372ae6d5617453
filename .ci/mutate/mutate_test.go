package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestScoreOfASmallPackage(t *testing.T) {
	root := t.TempDir()
	write(t, root, "go.mod", "module example\n\ngo 1.26\n")
	write(t, root, "p/p.go", `package p

const most = 3

func few(n int) bool { return n < most }

func even(n int) bool { return n%2 == 0 }

func unused(a, b bool) bool { return a && b }
`)
	write(t, root, "p/p_test.go", `package p

import (
	"os"
	"testing"
)

func TestFew(t *testing.T) {
	if !few(2) || few(4) {
		t.Error("wrong")
	}
	if _, err := os.Stat("p_test.go"); err != nil {
		t.Error(err)
	}
}

func TestEven(t *testing.T) {
	if even(3) || !even(4) {
		t.Error("wrong")
	}
}
`)
	write(t, root, "explained.txt", `# comment
p/p.go few: < to <= in n < most
	Whether three are few
	is open.
p/p.go few: gone
	Out of date.
p/p.go even: negate n%2 == 0
	Is killed by now.
p/old.go f: negate a
	The file was removed.
q/q.go g: negate b
	Of another package.
`)
	write(t, root, "q/q.go", "package q\n")
	var out, log strings.Builder
	err := run(t.Context(), []string{
		"-root", root, "-explained", filepath.Join(root, "explained.txt"), "-timeout", "1m", "p",
	}, &out, &log)
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	for _, want := range []string{
		"p/p.go:3:7: const most 3 to 4 (survived)\n",
		"p/p.go:5:33: few: < to <= in n < most (survived, explained)\n",
		"p/p.go:9:40: unused: && to || in a && b (not covered)\n",
		"explained, but no mutant survives as: p/p.go even: negate n%2 == 0\n",
		"10 mutants, 7 killed, 1 survived, 1 not covered, 1 explained (0 of the killed hung; 0 more do not compile)\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "negate n < most") {
		t.Errorf("a negation survives:\n%s", &out)
	}
	const gone = "explained, but there is no such mutant: "
	if want := gone + "p/old.go f: negate a\n" + gone + "p/p.go few: gone\n"; !strings.HasPrefix(log.String(), want) {
		t.Errorf("the log does not begin with %q:\n%s", want, &log)
	}
	if strings.Contains(out.String()+log.String(), "q/q.go") {
		t.Error("an entry of another package is reported")
	}
}

func TestAMutantThatHangsIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for mutants that hang")
	}
	root := t.TempDir()
	write(t, root, "go.mod", "module example\n\ngo 1.26\n")
	write(t, root, "p/p.go", `package p

func even(n int) bool {
	for n > 1 {
		n -= 2
	}
	return n == 0
}
`)
	write(t, root, "p/p_test.go", `package p

import "testing"

func TestEven(t *testing.T) {
	if even(3) || !even(4) {
		t.Error("wrong")
	}
}
`)
	write(t, root, "explained.txt", "")
	var out, log strings.Builder
	err := run(t.Context(), []string{
		"-root", root, "-explained", filepath.Join(root, "explained.txt"), "-timeout", "100ms", "p",
	}, &out, &log)
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	if strings.Contains(out.String(), "remove n -= 2") || strings.Contains(out.String(), "(0 of the killed hung;") {
		t.Errorf("no mutant hangs:\n%s", &out)
	}
}

func TestExplanationsWithoutReasonAreRefused(t *testing.T) {
	for _, text := range []string{"a f: x\nb f: x\n\twhy\n", "a f: x\n", "\twhy\n", "a f: x\n\twhy\na f: x\n\twhy\n"} {
		folder := t.TempDir()
		write(t, folder, "explained.txt", text)
		if all, err := readExplained(filepath.Join(folder, "explained.txt")); err == nil {
			t.Errorf("%q is read as %v", text, all)
		}
	}
}

func TestSamplesRepeatForTheSameSeed(t *testing.T) {
	of := func(seed uint64) (ids []int) {
		var all []*mutant
		for id := range 100 {
			all = append(all, &mutant{id: id})
		}
		for _, m := range choose(all, options{sample: 10, seed: seed}) {
			ids = append(ids, m.id)
		}
		return ids
	}
	if a, b := of(1), of(1); len(a) != 10 || !slices.IsSorted(a) || !slices.Equal(a, b) {
		t.Errorf("samples of one seed are %v and %v", a, b)
	}
	if a, b := of(1), of(2); slices.Equal(a, b) {
		t.Errorf("two seeds choose the same: %v", a)
	}
}

func TestReachesAsksTheInnermostBlock(t *testing.T) {
	outer := block{"p.go", point{1, 10}, point{9, 2}}
	inner := block{"p.go", point{3, 5}, point{4, 3}}
	ran := &test{blocks: map[block]bool{outer: true, inner: false}}
	in := func(line int) place { return place{"p.go", point{line, 6}, point{1, 1}, point{9, 2}} }
	if !ran.reaches(in(2)) || ran.reaches(in(3)) {
		t.Error("want line 2 reached, and line 3 not")
	}
	if elsewhere := (place{"p.go", point{20, 6}, point{19, 1}, point{21, 2}}); ran.reaches(elsewhere) {
		t.Error("another function is reached")
	}
	if !ran.reaches(place{file: "p.go", at: point{30, 1}}) {
		t.Error("what is outside functions is not reached")
	}
}

func TestFastTestsRunBeforeSlowOnes(t *testing.T) {
	var tests []*test
	for _, took := range []time.Duration{1, 200, 400, 3000, 9000} {
		tests = append(tests, &test{took: took * time.Millisecond})
	}
	var sizes []int
	for _, part := range batches(tests) {
		sizes = append(sizes, len(part))
	}
	if want := []int{3, 1, 1}; !slices.Equal(sizes, want) {
		t.Errorf("batches of %v, want %v", sizes, want)
	}
}

func TestMutantsThatDoNotCompileAreLeftOut(t *testing.T) {
	all := []*mutant{{id: 1, file: "p/a.go", line: 7}, {id: 2, file: "p/b.go", line: 7}}
	n := refused(all, "# example/p\np/a.go:7:12: cannot use\n")
	if n != 1 || all[0].verdict != invalid || all[1].verdict != untried {
		t.Errorf("%d refused, verdicts %q and %q", n, all[0].verdict, all[1].verdict)
	}
}

func TestInterruptEndsATrial(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&trial{}).tryAll(ctx, []*mutant{{id: 1}}, 1); err == nil {
		t.Error("no error")
	}
}

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
