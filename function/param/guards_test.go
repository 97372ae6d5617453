package param

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"backupportal/function/jsontext"
)

// TestItemLimits proves that MaxItems, the largest number of items of a list, has in Fields the values of
// the API page of CreateBackupJob. Without it, only the cloud would refuse a list that is too long.
func TestItemLimits(t *testing.T) {
	for name, most := range map[string]int{"Detail.diskIdList": 64, "Include": 8, "Exclude": 8} {
		f, ok := FieldNamed(name)
		if !ok || f.MaxItems != most {
			t.Fatalf("%s has %d lines at most", name, f.MaxItems)
		}
		f.MaxLength = 0 // another test checks the length of the list
		for lines, want := range map[int]bool{most - 1: true, most: true, most + 1: false} {
			var items []string
			for i := range lines {
				items = append(items, fmt.Sprint("d-bp", i))
			}
			bad := f.Check(jsontext.Must(items))
			tooMany := slices.ContainsFunc(bad, func(m Mistake) bool { return m.Code == "lines" })
			if tooMany == want || want && len(bad) > 0 {
				t.Errorf("%s with %d lines: %+v", name, lines, bad)
			}
		}
	}
}

// TestLengthLimits proves that MaxLength has in Fields the values of the API page of
// CreateBackupJob.
func TestLengthLimits(t *testing.T) {
	for name, most := range map[string]int{"Include": 255, "Exclude": 255, "Detail.preScriptPath": 255, "Detail.postScriptPath": 255} {
		f, ok := FieldNamed(name)
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		for length, want := range map[int]bool{most: true, most + 1: false} {
			text := "/" + strings.Repeat("p", length-1)
			if f.Type == Strings {
				text = jsontext.Must([]string{text[:length-4]}) // brackets and quotes count
			}
			if bad := f.Check(text); (len(bad) == 0) != want || len(text) != length {
				t.Errorf("%s of %d: %+v", name, len(text), bad)
			}
		}
	}
}

// TestNumberLimits proves the bounds of numbers. The vendor's own tests set a freeze timeout of
// up to 200 seconds, and the vendor's backup policies keep backups for up to 364,635 days.
func TestNumberLimits(t *testing.T) {
	for name, limits := range map[string][2]int64{
		"Detail.timeoutInSeconds": {1, 200}, "Retention": {1, 364635}, "Detail.destinationRetention": {1, 364635},
	} {
		f, ok := FieldNamed(name)
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		for value, want := range map[int64]bool{
			limits[0] - 1: false, limits[0]: true, 30: true, 60: true, 180: true, limits[1]: true, limits[1] + 1: false, -limits[0]: false,
		} {
			if bad := f.Check(fmt.Sprint(value)); (len(bad) == 0) != want || !want && bad[0].Code != "between" {
				t.Errorf("%s of %d: %+v", name, value, bad)
			}
		}
	}
}

// TestTextLimits proves that length limits count characters, not bytes: a Chinese text may have
// as many characters as an English one.
func TestTextLimits(t *testing.T) {
	for name, most := range map[string]int{"Reason": 200, "Ticket": 64, "JobName": MaxLabel, "CrossAccountRoleName": 64} {
		f, ok := FieldNamed(name)
		if !ok || f.MaxLength != most {
			t.Fatalf("%s has %d characters at most", name, f.MaxLength)
		}
		letter := "a"
		if f.Note {
			letter = "备"
		}
		for length, want := range map[int]bool{most: true, most + 1: false} {
			if bad := f.Check(strings.Repeat(letter, length)); (len(bad) == 0) != want {
				t.Errorf("%s of %d: %+v", name, length, bad)
			}
		}
	}
}
