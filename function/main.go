// Command main is the backup portal: one program that runs on Function Compute,
// on AWS Lambda, and as a plain server.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "backup-portal:", err)
		if _, ok := errors.AsType[usageError](err); ok {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// run does what the arguments say; without any it serves until it is told to
// stop.
func run(args []string, getenv func(string) string, out io.Writer) error {
	if len(args) > 0 {
		return command(args, getenv, out)
	}
	cfg, err := readConfig(getenv)
	if err != nil {
		return err
	}
	var named []string // by the policy, as variables with secrets
	cfg.Getenv = func(name string) string { named = append(named, name); return getenv(name) }
	p, err := wire(cfg, os.Stderr)
	if err != nil {
		return err
	}
	if err := forgetSecrets(named, os.Unsetenv); err != nil {
		return err
	}
	defer p.close()
	switch cfg.Platform {
	case functionCompute:
		return serveFC(p)
	case lambdaPlatform:
		return serveLambda(p)
	}
	return serve(cfg, p, out)
}
