package set_test

import (
	"slices"
	"testing"

	"backupportal/function/set"
)

func TestUnionKeepsTheOrderAndSharesNothing(t *testing.T) {
	more := []string{"b", "c", "b", "a"}
	if got, want := set.Union([]string{"a"}, more...), []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("Union = %q, want %q", got, want)
	}
	got := set.Union(nil, more...)
	if got[0] = "changed"; more[0] != "b" {
		t.Error("the union of nothing and a list shares memory with the list")
	}
}
