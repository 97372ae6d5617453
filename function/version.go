package main

import (
	"cmp"
	"fmt"
	"runtime"

	"backupportal/function/app"
)

const versionUsage = `version

Prints the version of this program, the commit of its source, the version of Go, and the version of the database schema
that the program needs. GET /healthz, the footer of each page, and the first record of each chain of the audit trail
have the same values.`

// printVersion is the command "version".
func printVersion(args []string, env environment) error {
	if err := parse(newFlags("version", versionUsage, env.out), args, 0); err != nil {
		return err
	}
	v := app.Version()
	_, err := fmt.Fprintf(env.out, "backup-portal %s\ncommit %s\ngo     %s %s/%s\nschema %d\n",
		v.Module, cmp.Or(v.Commit, "unknown"), v.Go, runtime.GOOS, runtime.GOARCH, v.Schema)
	return err
}
