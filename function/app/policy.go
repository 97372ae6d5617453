package app

import (
	"errors"
	"fmt"
	"os"

	"backupportal/function/backup"
	"backupportal/function/notify"
	"backupportal/function/policy"
)

// LoadPolicy reads the policy in file for a command. It accepts exactly the files with which the portal
// starts. Besides the variables that the policy names, it reads the variables that limit a policy. The
// errors name the file, except for an error of the environment.
func LoadPolicy(file string, getenv func(string) string) (*policy.Policy, error) {
	cfg := Config{PolicyFile: file, Getenv: getenv}
	if err := cfg.readAddresses(getenv); err != nil {
		return nil, err
	}
	rules, _, err := readPolicy(cfg)
	return rules, err
}

// readPolicy reads the policy of cfg, and returns it with the sender of its notices. The sender is nil
// if the policy names no receiver. The policy cannot read tags yet.
func readPolicy(cfg Config) (*policy.Policy, *notify.Sender, error) {
	data, err := os.ReadFile(cfg.PolicyFile)
	if err != nil {
		return nil, nil, fmt.Errorf("the policy: %w", err)
	}
	rules, err := policy.Load(data, cfg.Getenv)
	if err != nil {
		return nil, nil, fmt.Errorf("the policy %s: %w", cfg.PolicyFile, err)
	}
	sender, err := newSender(cfg, rules)
	if err != nil {
		return nil, nil, fmt.Errorf("the policy %s: %w", cfg.PolicyFile, err)
	}
	return rules, sender, nil
}

// LoadSender returns the sender of notices of the policy in file, for a command. It is nil if the policy
// names no receiver. The errors are those of [LoadPolicy].
func LoadSender(file string, getenv func(string) string) (*notify.Sender, error) {
	cfg := Config{PolicyFile: file, Getenv: getenv}
	if err := errors.Join(cfg.readAddresses(getenv), cfg.readZone(getenv)); err != nil {
		return nil, err
	}
	_, sender, err := readPolicy(cfg)
	return sender, err
}

// newSender returns the sender of notices, or nil if the policy names no receiver. Receivers on
// loopback are allowed only together with an emulator, for tests.
func newSender(cfg Config, rules *policy.Policy) (*notify.Sender, error) {
	n := rules.Notifications()
	if n.Receivers == nil {
		return nil, nil
	}
	return notify.New(notify.Config{
		Notifications: n,
		PublicURL:     cfg.PublicURL,
		Zone:          cfg.Zone,
		Now:           wallClock,
		Loopback:      cfg.emulated(),
		Account:       rules.Account,
	})
}

// messengerOf returns sender as a messenger: nil for nil.
func messengerOf(sender *notify.Sender) backup.Messenger {
	if sender == nil {
		return nil
	}
	return sender
}
