package storetest

import (
	"database/sql"
	"fmt"
	"strings"

	"backupportal/function/backup"
)

// Log reads the steps of a submission from a database, and returns their kinds as [Kinds] does. Its
// argument url is the URL of the store.
func Log(url, id string) (kinds string, err error) {
	db, err := sql.Open(driver(url))
	if err != nil {
		return "", err
	}
	defer db.Close()
	rows, err := db.Query(`SELECT n, kind FROM submission_step WHERE submission_id = $1 ORDER BY n`, id)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var steps []backup.Step
	for rows.Next() {
		var s backup.Step
		if err := rows.Scan(&s.N, &s.Kind); err != nil {
			return "", err
		}
		steps = append(steps, s)
	}
	if err := rows.Err(); err != nil {
		return "", err
	}
	return Kinds(steps)
}

// Kinds returns the kinds of the steps of one submission, separated by spaces: “attempt void
// attempt created”. An error names the rule of the step log that the steps violate. The rules are:
// the steps are numbered from 0 without a gap; the first step is an attempt; an attempt is the
// first step or follows a void step; every other step follows an attempt; and no step follows
// created or refused.
func Kinds(steps []backup.Step) (kinds string, err error) {
	var all []string
	for _, s := range steps {
		before := ""
		if len(all) > 0 {
			before = all[len(all)-1]
		}
		if s.N != len(all) || (s.Kind == backup.StepAttempt) != (before == "" || before == "void") || before == "created" || before == "refused" {
			return "", fmt.Errorf("step %d is %s, after %v", s.N, s.Kind, all)
		}
		all = append(all, string(s.Kind))
	}
	return strings.Join(all, " "), nil
}

// driver returns the arguments of sql.Open for the database of a store.
func driver(url string) (name, source string) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return "sqlite", path
	}
	return "pgx", url
}

// Exec runs a statement on the database of a store. Tests use it for changes that no method of a
// store makes.
func Exec(url, statement string) error {
	db, err := sql.Open(driver(url))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statement)
	return err
}
