package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"backupportal/function/audit"
	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/secret"
	"backupportal/function/store"
)

// newTrail makes the audit trail.
func newTrail(cfg Config, db *store.DB, policy string, log *slog.Logger) (*audit.Log, error) {
	var key secret.String
	if len(cfg.AuditKeys) > 0 {
		key = cfg.AuditKeys[0]
	}
	settings := map[string]string{
		"platform": string(cfg.Platform), "auth": cfg.AuthMode, "store": db.Kind(), "policy": policy,
		"ephemeral": strconv.FormatBool(cfg.Ephemeral), "list_first": strconv.FormatBool(cfg.ListFirst), "sealed": strconv.FormatBool(!key.IsZero()),
		"history_days": strconv.Itoa(int(cfg.History.Hours() / 24)),
	}
	if cfg.PublicURL != nil {
		settings["public_url"] = cfg.PublicURL.String()
	}
	if cfg.CloudEndpoint != nil {
		settings["cloud_endpoint"] = cfg.CloudEndpoint.String()
	}
	if cfg.SignIn.OIDC != nil {
		settings["issuer"] = cfg.SignIn.OIDC.Issuer
	}
	trail, err := audit.New(audit.Config{
		Sink: db, Key: key, Log: log, Now: wallClock, NewID: rand.Text, Build: build(), Policy: policy, Settings: settings,
	})
	if err != nil {
		return nil, fmt.Errorf("AUDIT_KEY: %w", err)
	}
	return trail, nil
}

// build is the version that the Go command has put into the program.
func build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return cmp.Or(info.Main.Version, "unknown")
}

const verifyHelp = `audit verify [-file FILE] [-from DATE]

It reads the audit trail of the database at DATABASE_URL, or with -file the lines of a log, - for standard input, and
reports records that were changed, left out or moved, and chains whose ends are missing by what later chains know of
them. The key is in AUDIT_KEY, earlier ones behind it with commas between; without it only numbers and ends are looked at.

It ends with 0 if the trail is whole, with 1 if it is not, and with 2 if it cannot be read.
`

// errBroken is the end of the verification of a trail that is not whole.
var errBroken = errors.New("the audit trail is not whole")

// verifyAudit says whether the audit trail is whole.
func verifyAudit(args []string, getenv func(string) string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("audit verify", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() { fmt.Fprint(out, verifyHelp); flags.PrintDefaults() }
	file := flags.String("file", "", "a `file` with lines of the log, in place of the database; - is standard input")
	from := flags.String("from", "", "the `date` before which chains may have been deleted, such as 2026-11-26")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return usageError{err}
	case flags.NArg() > 0:
		return usageError{errors.New("audit verify takes no more arguments")}
	}
	var since time.Time
	if *from != "" {
		var err error
		if since, err = time.Parse(time.DateOnly, *from); err != nil {
			return usageError{errors.New("-from must be a date, such as 2026-11-26")}
		}
	}
	var c Config
	if err := c.readAuditKeys(getenv); err != nil {
		return usageError{err}
	}
	rows, done, err := trailOf(*file, getenv, in)
	if err != nil {
		return usageError{err}
	}
	defer done()
	report, err := audit.Verify(rows, c.AuditKeys, since)
	if err == nil && report.Records == 0 {
		err = errors.New("there is no record in it")
	}
	if err != nil {
		return usageError{err}
	}
	return tellReport(report, len(c.AuditKeys) > 0, out)
}

// trailOf is the trail in a file, or in the database.
func trailOf(file string, getenv func(string) string, in io.Reader) (rows iter.Seq2[backup.AuditRow, error], done func() error, err error) {
	nothing := func() error { return nil }
	switch {
	case file == "-":
		rows, err = audit.ReadLines(in)
		return rows, nothing, err
	case file != "":
		opened, err := os.Open(file)
		if err != nil {
			return nil, nil, err
		}
		defer opened.Close()
		rows, err = audit.ReadLines(opened)
		return rows, nothing, err
	case getenv("DATABASE_URL") == "":
		return nil, nil, errors.New("DATABASE_URL is not set, and there is no -file: say which trail to verify")
	}
	c := Config{Platform: platformOf(getenv)}
	if err := c.readDatabase(getenv); err != nil {
		return nil, nil, err
	}
	db, closeStore, err := openStore(c, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	return db.AuditTrail(context.Background()), closeStore, nil
}

// mostTold is how many findings are listed.
const mostTold = 100

func tellReport(r audit.Report, sealed bool, out io.Writer) error {
	for i, f := range r.Findings {
		if i == mostTold {
			fmt.Fprintf(out, "and %d more\n", len(r.Findings)-i)
			break
		}
		fmt.Fprintf(out, "chain %s, record %d: %s\n", param.Clean(f.Chain, 40), f.Seq, f.What)
	}
	checked := "seals are right"
	switch {
	case !sealed:
		checked = "no AUDIT_KEY is set, so seals were not looked at: a record that was changed does not show"
	case len(r.Findings) > 0:
		checked = fmt.Sprintf("%d findings", len(r.Findings))
	}
	fmt.Fprintf(out, "%d records in %d chains; %s\n", r.Records, r.Chains, checked)
	if len(r.Findings) > 0 {
		return errBroken
	}
	return nil
}
