package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// lists are the tests of [backup.Lists], by what they prove.
var lists = map[string]test{
	"lists are newest first, page by page":       pagesForward,
	"pages are the same in both directions":      pagesBackward,
	"a new submission does not move older pages": pagesAreStable,
	"every filter limits a list":                 filteredLists,
	"lists by state find ended submissions":      listsByState,
	"a search finds names and ids":               searchedLists,
}

// claimMixed claims twelve records that differ in every value that a list can filter by. The
// records are created in pairs: the two records of a pair have the same time. It returns the names
// of the records, a to l, by id.
func claimMixed(t *testing.T, s backup.Store) map[string]string {
	names := map[string]string{}
	for n := range 12 {
		r := Record(n)
		r.CreatedAt = Start.Add(time.Duration(n/2) * time.Minute)
		r.Principal.Subject = []string{"alice#1", "bob"}[n%2]
		r.Params = param.Params{
			"Account":    []string{"demo", "payments", "labs"}[n%3],
			"InstanceId": fmt.Sprint("i-", n%4),
			"SourceType": []string{"UDM_ECS", "ECS_FILE"}[n/6],
		}
		if n == 11 {
			r.Params = param.Params{"Account": "demo", "ContainerClusterId": "cc-1", "SourceType": "CONTAINER"}
		}
		r.Complete = r.Params.WithDefaults()
		r = claim(t, s, r)
		names[r.SubmissionID] = string(rune('a' + n))
		if state := []backup.State{"", backup.StateComplete, backup.StateFailed}[n%3]; state != "" {
			if err := s.MarkFinal(t.Context(), r.SubmissionID, state); err != nil {
				t.Fatal(err)
			}
		}
	}
	return names
}

// list returns the names of the records of a page, and the places of the first and last record.
func list(
	t *testing.T,
	s backup.Store,
	names map[string]string,
	q backup.Query,
) (letters string, first, last *backup.Place) {
	t.Helper()
	page, err := s.List(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range page {
		letters += names[r.SubmissionID]
		place := r.Place()
		if last = &place; i == 0 {
			first = &place
		}
		if i > 0 && r.CreatedAt.After(page[i-1].CreatedAt) {
			t.Errorf("record %d is newer than the one before it", i)
		}
	}
	return letters, first, last
}

// orderPairs sorts each pair of letters in descending order. The two records of a pair have the
// same time, so a list orders them by id, and the order of the ids is not the order of the names.
func orderPairs(letters string) string {
	var all strings.Builder
	for len(letters) > 1 {
		pair := letters[:2]
		if pair[0] < pair[1] {
			pair = pair[1:] + pair[:1]
		}
		all.WriteString(pair)
		letters = letters[2:]
	}
	return all.String() + letters
}

func pagesForward(t *testing.T, s backup.Store) {
	names := claimMixed(t, s)
	all := ""
	q := backup.Query{Limit: 5}
	for _, want := range []int{5, 5, 2, 0} {
		page, _, last := list(t, s, names, q)
		if len(page) != want {
			t.Errorf("got %q, want %d records", page, want)
		}
		all, q.Before = all+page, last
	}
	if orderPairs(all) != "lkjihgfedcba" {
		t.Errorf("got %q over all pages", all)
	}
}

func pagesBackward(t *testing.T, s backup.Store) {
	names := claimMixed(t, s)
	first, _, end := list(t, s, names, backup.Query{Limit: 5})
	second, begin, _ := list(t, s, names, backup.Query{Limit: 5, Before: end})
	if back, _, _ := list(t, s, names, backup.Query{Limit: 5, After: begin}); back != first {
		t.Errorf("newer than %q is %q, want %q", second, back, first)
	}
	if next, _, _ := list(t, s, names, backup.Query{Limit: 2, After: begin}); next != first[3:] {
		t.Errorf("the two next to %q are %q, want %q", second, next, first[3:])
	}
	// Paging backward must also work for several states, because a store may read the states one by
	// one.
	q := backup.Query{Limit: 4, States: []backup.State{backup.StateFailed, backup.StateComplete}}
	one, _, end := list(t, s, names, q)
	q.Before = end
	two, begin, _ := list(t, s, names, q)
	q.Before, q.After = nil, begin
	if back, _, _ := list(t, s, names, q); back != one || orderPairs(one+two) != "lkjihgfe" {
		t.Errorf("pages %q and %q, and back to %q", one, two, back)
	}
}

func pagesAreStable(t *testing.T, s backup.Store) {
	names := claimMixed(t, s)
	_, _, end := list(t, s, names, backup.Query{Limit: 5})
	before, _, _ := list(t, s, names, backup.Query{Limit: 5, Before: end})
	later := Record(3600)
	claim(t, s, later)
	if after, _, _ := list(t, s, names, backup.Query{Limit: 5, Before: end}); after != before {
		t.Errorf("the second page was %q and is %q", before, after)
	}
}

func filteredLists(t *testing.T, s backup.Store) {
	names := claimMixed(t, s)
	alice := identity.Principal{Issuer: "test", Subject: "alice#1"}.ID()
	for _, c := range []struct {
		q    backup.Query
		want string
	}{
		{backup.Query{Principal: alice}, "kigeca"},
		{backup.Query{Account: "payments"}, "kheb"},
		{backup.Query{Resource: "i-2"}, "kgc"},
		{backup.Query{Resource: "cc-1"}, "l"},
		{backup.Query{SourceType: param.ECSFile}, "kjihg"},
		{backup.Query{From: Start.Add(4 * time.Minute)}, "lkji"},
		{backup.Query{To: Start.Add(time.Minute)}, "ba"},
		{backup.Query{From: Start.Add(time.Minute), To: Start.Add(2 * time.Minute)}, "dc"},
		{backup.Query{
			Principal:  alice,
			Account:    "demo",
			Resource:   "i-0",
			SourceType: param.UDMECS,
			States:     []backup.State{backup.StateRunning},
			From:       Start,
			To:         Start.Add(time.Hour),
		}, "a"},
		{backup.Query{Account: "nobody"}, ""},
	} {
		c.q.Limit = 20
		if got, _, _ := list(t, s, names, c.q); sorted(got) != sorted(c.want) {
			t.Errorf("%+v: got %q, want %q", c.q, got, c.want)
		}
	}
}

func listsByState(t *testing.T, s backup.Store) {
	names := claimMixed(t, s)
	for _, c := range []struct {
		states []backup.State
		want   string
	}{
		// Every list contains the submissions that have not ended, because only the reader can
		// determine their state.
		{[]backup.State{}, "jgda"},
		{[]backup.State{backup.StateComplete}, "kjhgedba"},
		{[]backup.State{backup.StateFailed, backup.StateFailed}, "ljigfdca"},
		{[]backup.State{"NOBODY_KNOWS"}, "jgda"},
	} {
		got, _, _ := list(t, s, names, backup.Query{States: c.states, Limit: 20})
		if sorted(got) != sorted(c.want) {
			t.Errorf("%v: got %q, want %q", c.states, got, c.want)
		}
	}
}

// searchedLists checks what a search finds. The characters % and _ have no meaning in it.
func searchedLists(t *testing.T, s backup.Store) {
	names := map[string]string{}
	volume := param.Volume{ResourceID: "r"}.WithInfo(param.VolumeInfo{Namespace: "orders", PVCName: "data-pg-0"})
	for n, given := range []param.Params{
		{"Account": "demo", "InstanceId": "i-web", "JobName": "内核升级前"},
		{"Account": "demo", "InstanceId": "i-db", "JobName": "100%_done"},
		{"Account": "demo", "ContainerClusterId": "cc-1", "SourceType": "CONTAINER", "ContainerResources": param.VolumeList([]param.Volume{volume})},
	} {
		r := Record(n)
		r.Principal.Name = []string{"Alice", "Bob", "Carol"}[n]
		r.Params, r.Complete = given, given.WithDefaults()
		r = claim(t, s, r)
		names[r.SubmissionID] = string(rune('a' + n))
		if n == 0 {
			if err := s.SetResourceName(t.Context(), r.SubmissionID, "Web01"); err != nil {
				t.Fatal(err)
			}
			if got := find(t, s, r.SubmissionID); got.ResourceName != "Web01" {
				t.Errorf("the name of the resource is %q", got.ResourceName)
			}
		}
	}
	for part, want := range map[string]string{
		"web01": "a", "WEB": "a", "i-": "ba", "升级": "a", "%": "b", "_": "b", "!": "", "orders": "c", "PG-0": "c", "cc-1": "c",
		"bob": "b", "": "cba", "demo": "", "nothing": "",
	} {
		if got, _, _ := list(t, s, names, backup.Query{Search: part, Limit: 9}); got != want {
			t.Errorf("a search for %q finds %q, want %q", part, got, want)
		}
	}
	if got, _, _ := list(t, s, names, backup.Query{Search: "i-", Account: "other", Limit: 9}); got != "" {
		t.Errorf("a search in another account finds %q", got)
	}
	if err := s.SetResourceName(t.Context(), "none", "x"); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("the name of an unknown submission: %v", err)
	}
}

func sorted(letters string) string { return string(slices.Sorted(slices.Values([]byte(letters)))) }
