package store

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPrivilegesAreTheDocumentedOnes compares privileges with the GRANT statements of docs/role.sql.
func TestPrivilegesAreTheDocumentedOnes(t *testing.T) {
	manual, err := os.ReadFile("../../docs/role.sql")
	if err != nil {
		t.Fatal(err)
	}
	var documented, ours []string
	for _, m := range regexp.MustCompile(`(?m)^GRANT ([A-Z, ]+?)(?: \(([a-z_, ]+)\))? ON ([a-z_, ]+) TO backup_portal;`).FindAllStringSubmatch(string(manual), -1) {
		for table := range strings.SplitSeq(m[3], ", ") {
			documented = append(documented, m[1]+"|"+m[2]+"|"+table)
		}
	}
	for _, p := range privileges {
		ours = append(ours, p.actions+"|"+p.columns+"|"+p.table)
	}
	slices.Sort(documented)
	slices.Sort(ours)
	if !slices.Equal(documented, ours) {
		t.Errorf("docs/role.sql grants\n%s\nprivileges has\n%s", strings.Join(documented, "\n"), strings.Join(ours, "\n"))
	}
}
