package main

import (
	"fmt"

	"backupportal/function/app"
)

const checkUsage = `policy check [FILE]

Checks a policy file as the portal does at start, and prints its hash. Without FILE, checks the policy of the portal. The
environment variables in the policy must be set. The portal starts with exactly the files that this command accepts, if it
has the same CLOUD_ENDPOINT and PUBLIC_URL: only with an emulator on loopback may a receiver be on loopback too.`

// checkPolicy is the command "policy check". It loads the policy with the same code as the portal
// at its start, and prints its hash. It prints a warning for each preset that no rule allows.
func checkPolicy(args []string, env environment) error {
	flags := newFlags("policy check", checkUsage, env.out)
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	name := app.PolicyFile(env.getenv)
	if flags.NArg() == 1 {
		name = flags.Arg(0)
	}
	p, err := app.LoadPolicy(name, env.getenv)
	if err != nil {
		return err
	}
	for _, preset := range p.HiddenPresets() {
		if _, err := fmt.Fprintf(env.out, "warning: no rule allows the values of preset %s, so it is shown to no one\n", preset); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(env.out, "%s is a policy, sha256 %s\n", name, p.Hash())
	return err
}
