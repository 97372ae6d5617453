package main

import (
	"fmt"
	"os"

	"backupportal/function/app"
	"backupportal/function/policy"
)

const checkUsage = `policy check [FILE]

Checks a policy file as the portal does at start, and prints its hash. Without FILE, checks the policy of the portal. The
environment variables in the policy must be set.`

// checkPolicy is the command "policy check". It loads the policy as the portal would, including the
// receivers of notifications, and prints its hash. It warns of presets that no rule allows.
func checkPolicy(args []string, env environment) error {
	flags := newFlags("policy check", checkUsage, env.out)
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	name := app.PolicyFile(env.getenv)
	if flags.NArg() == 1 {
		name = flags.Arg(0)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	p, err := policy.Load(data, env.getenv)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := app.CheckReceivers(p.Notifications()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, preset := range p.HiddenPresets() {
		if _, err := fmt.Fprintf(env.out, "warning: no rule allows the values of preset %s, so it is shown to no one\n", preset); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(env.out, "%s is a policy, sha256 %s\n", name, p.Hash())
	return err
}
