package store

import (
	"regexp"
	"strings"
	"testing"
)

// additive matches the statements that a migration may have. An earlier version of the program can work with a schema
// that such statements have changed. A new column must have a default or accept NULL, because an earlier version does
// not name it in its inserts.
var additive = []*regexp.Regexp{
	regexp.MustCompile(`^CREATE TABLE \w+ \(`),
	regexp.MustCompile(`^CREATE INDEX \w+ ON \w+ \(`),
	regexp.MustCompile(`^ALTER TABLE \w+ ADD COLUMN \w+ \w+ NOT NULL DEFAULT \S+$`),
	regexp.MustCompile(`^ALTER TABLE \w+ ADD COLUMN \w+ \w+( DEFAULT \S+)?$`),
}

// statements returns the statements of a migration on one line each, without comments.
func statements(text string) (all []string) {
	text = regexp.MustCompile(`(?m)--.*$`).ReplaceAllString(text, "")
	for statement := range strings.SplitSeq(text, ";") {
		if statement = strings.Join(strings.Fields(statement), " "); statement != "" {
			all = append(all, statement)
		}
	}
	return all
}

// TestMigrationsOnlyAdd proves that no migration changes or removes what an earlier version of the program uses.
func TestMigrationsOnlyAdd(t *testing.T) {
	all, err := readMigrations()
	if err != nil || len(all) != SchemaVersion() {
		t.Fatalf("%d migrations, %v", len(all), err)
	}
	adds := func(statement string) bool {
		for _, form := range additive {
			if form.MatchString(statement) {
				return true
			}
		}
		return false
	}
	unique := regexp.MustCompile(`^CREATE UNIQUE INDEX \w+ ON (\w+) \(`)
	for i, text := range all {
		for _, statement := range statements(text) {
			// No earlier version writes to a table that the same migration creates.
			m := unique.FindStringSubmatch(statement)
			ofNewTable := m != nil && strings.Contains(text, "CREATE TABLE "+m[1]+" (")
			if !adds(statement) && !ofNewTable {
				t.Errorf("version %d does more than add, so the version before may fail after it: %s", i+1, statement)
			}
		}
	}
	for _, statement := range []string{
		"DROP TABLE job", "ALTER TABLE job DROP COLUMN seen", "ALTER TABLE job RENAME COLUMN seen TO saw", "ALTER TABLE job ADD COLUMN x TEXT NOT NULL",
		"CREATE UNIQUE INDEX one ON job (seen)", "UPDATE job SET seen = ''", "DELETE FROM job",
	} {
		if adds(statement) {
			t.Errorf("%s is taken for an addition", statement)
		}
	}
}
