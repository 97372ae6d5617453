// Command main is the backup portal.
//
// One program runs on Function Compute, on AWS Lambda, and as a plain server;
// the platform shows in its environment. With arguments it is a command for
// operators: see commands.go.
package main

import (
	"errors"
	"fmt"
	"os"

	"backupportal/function/app"
)

func main() {
	if err := run(os.Args[1:], environment{os.Getenv, os.Stdin, os.Stdout}); err != nil {
		fmt.Fprintln(os.Stderr, "backup-portal:", err)
		if _, ok := errors.AsType[usageError](err); ok {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// run does what the arguments say; without any it serves until it is told to
// stop.
func run(args []string, env environment) error {
	if len(args) > 0 {
		return runCommand(args, env)
	}
	cfg, err := app.ReadConfig(env.getenv)
	if err != nil {
		return err
	}
	var named []string // the variables with secrets that the policy names
	cfg.Getenv = func(name string) string { named = append(named, name); return env.getenv(name) }
	p, err := app.Wire(cfg, os.Stderr)
	if err != nil {
		return err
	}
	if err := app.ForgetSecrets(named, os.Unsetenv); err != nil {
		return err
	}
	defer p.Close()
	switch cfg.Platform {
	case app.FunctionCompute:
		return serveFC(p)
	case app.Lambda:
		return serveLambda(p)
	}
	return serveHTTP(cfg, p, env.out)
}
