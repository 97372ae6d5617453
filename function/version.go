package main

import (
	"fmt"
	"runtime"

	"backupportal/function/app"
)

const versionUsage = `version

Prints the version of this program: the source revision if the build has it.`

// printVersion is the command "version".
func printVersion(args []string, env environment) error {
	if err := parse(newFlags("version", versionUsage, env.out), args, 0); err != nil {
		return err
	}
	_, err := fmt.Fprintf(env.out, "backup-portal %s (%s %s/%s)\n", app.Build(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
