package app

import (
	"errors"
	"slices"
)

// SecretVariables lists the environment variables that hold secrets. The policy
// can name more. The portal does not use those of Lambda.
var SecretVariables = []string{
	"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN",
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"DATABASE_URL", "OIDC_CLIENT_SECRET", "SESSION_KEYS", "AUDIT_KEY",
}

// ForgetSecrets removes [SecretVariables] and the variables in named from the
// environment by unset, after they were read: no library finds them there, and
// printing the environment shows none. It tries all and joins the errors. The
// operating system still shows the environment that the process began with.
func ForgetSecrets(named []string, unset func(string) error) error {
	var errs []error
	for _, name := range slices.Concat(SecretVariables, named) {
		errs = append(errs, unset(name))
	}
	return errors.Join(errs...)
}
