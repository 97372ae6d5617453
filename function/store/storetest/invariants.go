package storetest

import (
	"database/sql"
	"fmt"
	"strings"
)

// Log returns the kinds of the steps of one submission in their order, such as
// "attempt void attempt created", and what is wrong with them by the rules that
// hold whatever happens: numbers have no gap, the first is an attempt, an
// attempt follows nothing or a void, everything else follows an attempt, and
// nothing follows created or refused.
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
	var all []string
	for rows.Next() {
		var n int
		var kind string
		if err := rows.Scan(&n, &kind); err != nil {
			return "", err
		}
		before := ""
		if len(all) > 0 {
			before = all[len(all)-1]
		}
		if n != len(all) || (kind == "attempt") != (before == "" || before == "void") || before == "created" || before == "refused" {
			return "", fmt.Errorf("step %d is %s, after %v", n, kind, all)
		}
		all = append(all, kind)
	}
	return strings.Join(all, " "), rows.Err()
}

// driver is how the database of a store is opened by itself.
func driver(url string) (name, source string) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return "sqlite", path
	}
	return "pgx", url
}

// Exec runs a statement on the database of a store, for what no store does.
func Exec(url, statement string) error {
	db, err := sql.Open(driver(url))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statement)
	return err
}
