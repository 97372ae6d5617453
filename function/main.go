// Command main is the Backup Portal.
//
// Without arguments it serves. The platform that it serves on is read from the environment:
//
//	Function Compute  serve.go, events through the SDK's loop
//	AWS Lambda        serve.go, events through the SDK's loop
//	custom runtime    serve.go, HTTP on the port that the platform names
//	otherwise         serve.go, HTTP on ADDR
//
// With arguments it runs one command for an operator; the list is in commands.go. The exit status
// is 0 for success, 1 for a negative result or an error, and 2 for a command line or an input that
// cannot be used.
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

// run runs the command in args, or serves until the process gets a signal if there are no
// arguments.
func run(args []string, env environment) error {
	if len(args) > 0 {
		return runCommand(args, env)
	}
	cfg, err := app.ReadConfig(env.getenv)
	if err != nil {
		return err
	}
	var named []string // variables that the policy reads secrets from
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
