package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"backupportal/function/policy"
)

// migrateTime is how long a change of the schema may take: a large history
// gets its new indexes while nobody waits for an answer.
const migrateTime = time.Hour

// command does one thing for an operator and ends.
func command(args []string, getenv func(string) string, out io.Writer) error {
	switch words := strings.Join(args, " "); {
	case words == "migrate":
		return migrate(getenv, out)
	case words == "policy check":
		return checkPolicy(policyFile(getenv), getenv, out)
	case len(args) == 3 && strings.HasPrefix(words, "policy check "):
		return checkPolicy(args[2], getenv, out)
	case len(args) > 1 && args[0] == "policy" && args[1] == "explain":
		return explain(args[2:], getenv, out)
	case len(args) > 1 && args[0] == "audit" && args[1] == "verify":
		return verifyAudit(args[2:], getenv, os.Stdin, out)
	case len(args) > 0 && args[0] == "ram-policy":
		return printRAMPolicies(args[1:], getenv, out)
	case len(args) > 1 && args[0] == "token" && args[1] == "new":
		return newToken(args[2:], wallClock(), out)
	}
	return usageError{errors.New("unknown command; there are: migrate, policy check [FILE], policy explain, ram-policy, token new and audit verify (-h tells more); without a command the portal is served")}
}

// migrate brings the schema of the database up to date. The portal does so by
// itself if its role may; this is for roles that may.
func migrate(getenv func(string) string, out io.Writer) error {
	c := Config{Platform: platformOf(getenv)}
	if err := c.readDatabase(getenv); err != nil {
		return err
	}
	if getenv("DATABASE_URL") == "" {
		return errors.New("DATABASE_URL is not set: say which database to migrate")
	}
	db, closeStore, err := openStore(c, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer closeStore()
	ctx, cancel := context.WithTimeout(context.Background(), migrateTime)
	defer cancel()
	from, to, err := db.Migrate(ctx)
	if err != nil {
		return fmt.Errorf("DATABASE_URL: migrate: %w", err)
	}
	if from == to {
		_, err = fmt.Fprintf(out, "%s: the schema is at version %d already\n", db.Kind(), to)
		return err
	}
	_, err = fmt.Fprintf(out, "%s: the schema went from version %d to %d\n", db.Kind(), from, to)
	return err
}

// checkPolicy reads a policy file as the portal would, and says what it found.
func checkPolicy(name string, getenv func(string) string, out io.Writer) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	p, err := policy.Load(data, getenv)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := messengerOf(Config{}, p.Notifications()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err = fmt.Fprintf(out, "%s is a policy, sha256 %s\n", name, p.Hash())
	return err
}
