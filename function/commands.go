package main

import (
	"cmp"
	"fmt"
	"io"
	"os"

	"backupportal/function/policy"
)

// command does one thing for an operator and ends.
func command(args []string, getenv func(string) string, out io.Writer) error {
	if len(args) >= 2 && args[0] == "policy" && args[1] == "check" && len(args) <= 3 {
		name := cmp.Or(append(args, "")[2], policyFile(getenv))
		return checkPolicy(name, getenv, out)
	}
	return fmt.Errorf("unknown command; there is: policy check [FILE]; without a command the portal is served")
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
	_, err = fmt.Fprintf(out, "%s is a policy, sha256 %s\n", name, p.Hash())
	return err
}
