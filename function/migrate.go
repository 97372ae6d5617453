package main

import (
	"context"
	"fmt"
	"time"

	"backupportal/function/app"
)

const migrateUsage = `migrate

Updates the schema of the database at DATABASE_URL. The portal does this itself if its database role has the permission;
otherwise run this command with a role that has it. The command can be repeated.`

// migrateTime limits a change of the schema. New indexes for a large history can take long; no
// request waits for them.
const migrateTime = time.Hour

// migrate is the command "migrate". It applies the pending changes of the schema and prints the
// versions.
func migrate(args []string, env environment) error {
	if err := parse(newFlags("migrate", migrateUsage, env.out), args, 0); err != nil {
		return err
	}
	db, closeStore, err := app.OpenDatabase(env.getenv)
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
		_, err = fmt.Fprintf(env.out, "%s: the schema is at version %d already\n", db.Kind(), to)
		return err
	}
	_, err = fmt.Fprintf(env.out, "%s: the schema went from version %d to %d\n", db.Kind(), from, to)
	return err
}
