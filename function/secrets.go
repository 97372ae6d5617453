package main

import (
	"errors"
	"slices"
)

// secretVariables are those of the environment that hold secrets, beside those
// that the policy names. Lambda's are of no use to the portal.
var secretVariables = []string{
	"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN",
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"DATABASE_URL", "OIDC_CLIENT_SECRET", "SESSION_KEYS", "AUDIT_KEY",
}

// forgetSecrets takes the secrets out of the environment once they have been
// read: so no library finds them there, and nobody who prints it. What the
// system shows of a process's first environment stays as it was.
func forgetSecrets(named []string, unset func(string) error) error {
	var errs []error
	for _, name := range slices.Concat(secretVariables, named) {
		errs = append(errs, unset(name))
	}
	return errors.Join(errs...)
}
