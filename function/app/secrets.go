package app

import (
	"errors"
	"slices"
)

// SecretVariables lists the environment variables that hold secrets. The policy can name more. The
// AWS variables are set by Lambda; the portal uses them only to invoke itself (BATCH_FUNCTION).
var SecretVariables = []string{
	"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN",
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"DATABASE_URL", "OIDC_CLIENT_SECRET", "SESSION_KEYS", "AUDIT_KEY", "METRICS_TOKEN",
	"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
}

// ForgetSecrets removes [SecretVariables] and the variables in named from the environment. Call
// it after they were read. Then no library can find them there, and a printed environment does
// not contain them. It calls unset for each variable and joins the errors. The operating system
// can still show the initial environment of the process.
func ForgetSecrets(named []string, unset func(string) error) error {
	var errs []error
	for _, name := range slices.Concat(SecretVariables, named) {
		errs = append(errs, unset(name))
	}
	return errors.Join(errs...)
}
