package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"backupportal/function/app"
	"backupportal/function/audit"
	"backupportal/function/backup"
	"backupportal/function/param"
)

const verifyUsage = `audit verify [-file FILE] [-from DATE]

Verifies the audit trail in the database at DATABASE_URL or, with -file, in the lines of a log (- is standard input).
Reports records that were changed, removed or moved, and chains whose end is missing. AUDIT_KEY has the key, then earlier
keys, separated by commas. Without AUDIT_KEY, only record numbers and ends of chains are checked.

The exit code is 0 if the trail is complete and unchanged, 1 if it is not, and 2 if it cannot be read.
`

// errBroken makes the command exit with status 1 because the audit trail has defects.
var errBroken = errors.New("the audit trail is incomplete or was changed")

// verifyAudit is the command "audit verify". It checks the seals, the numbers and the ends of
// all chains of the audit trail. If the trail is empty or cannot be read, the error is a
// usageError.
func verifyAudit(args []string, env environment) error {
	flags := newFlags("audit verify", verifyUsage, env.out)
	file := flags.String("file", "", "a `file` with lines of the log, in place of the database; - is standard input")
	from := flags.String("from", "", "the `date` before which chains may have been deleted, such as 2026-11-26")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	var since time.Time
	if *from != "" {
		var err error
		if since, err = time.Parse(time.DateOnly, *from); err != nil {
			return usageError{errors.New("-from must be a date, such as 2026-11-26")}
		}
	}
	keys, err := app.ReadAuditKeys(env.getenv)
	if err != nil {
		return usageError{err}
	}
	rows, done, err := trailOf(*file, env)
	if err != nil {
		return usageError{err}
	}
	defer done()
	report, err := audit.Verify(rows, keys, since)
	if err == nil && report.Records == 0 {
		err = errors.New("the trail has no records")
	}
	if err != nil {
		return usageError{err}
	}
	return writeReport(report, len(keys) > 0, env.out)
}

// trailOf returns the rows of the audit trail: from a log file, from standard input if file is
// "-", or from the database if file is empty. The caller must call done at the end.
func trailOf(file string, env environment) (rows iter.Seq2[backup.AuditRow, error], done func() error, err error) {
	nothing := func() error { return nil }
	switch {
	case file == "-":
		rows, err = audit.ReadLines(env.in)
		return rows, nothing, err
	case file != "":
		opened, err := os.Open(file)
		if err != nil {
			return nil, nil, err
		}
		defer opened.Close()
		rows, err = audit.ReadLines(opened)
		return rows, nothing, err
	case env.getenv("DATABASE_URL") == "":
		return nil, nil, errors.New("set DATABASE_URL or -file to select the trail to verify")
	}
	db, closeStore, err := app.OpenDatabase(env.getenv)
	if err != nil {
		return nil, nil, err
	}
	return db.AuditTrail(context.Background()), closeStore, nil
}

// maxFindings is the maximum number of defects that are printed; further ones are only counted.
const maxFindings = 100

// writeReport writes the findings and a summary. It returns errBroken if there are findings. sealed
// is false if no key was given, so that seals were not checked.
func writeReport(r audit.Report, sealed bool, out io.Writer) error {
	for i, f := range r.Findings {
		if i == maxFindings {
			fmt.Fprintf(out, "and %d more\n", len(r.Findings)-i)
			break
		}
		fmt.Fprintf(out, "chain %s, record %d: %s\n", param.Clean(f.Chain, 40), f.Seq, f.What)
	}
	checked := "all seals are valid"
	switch {
	case !sealed:
		checked = "AUDIT_KEY is not set, so seals were not checked: changed records are not detected"
	case len(r.Findings) > 0:
		checked = fmt.Sprintf("%d findings", len(r.Findings))
	}
	fmt.Fprintf(out, "%d records in %d chains; %s\n", r.Records, r.Chains, checked)
	if len(r.Findings) > 0 {
		return errBroken
	}
	return nil
}
