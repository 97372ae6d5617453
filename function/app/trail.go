package app

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strconv"

	"backupportal/function/audit"
	"backupportal/function/secret"
	"backupportal/function/store"
)

// newTrail returns the audit trail, which is stored in db and logged to log. policy is the policy's
// hash. Each chain of the trail begins with the settings of this process, without secrets.
func newTrail(cfg Config, db *store.DB, policy string, log *slog.Logger) (*audit.Log, error) {
	var key secret.String
	if len(cfg.AuditKeys) > 0 {
		key = cfg.AuditKeys[0]
	}
	version := Version()
	settings := map[string]string{
		"version":      version.Module,
		"commit":       version.Commit,
		"go":           version.Go,
		"schema":       strconv.Itoa(version.Schema),
		"platform":     string(cfg.Platform),
		"auth":         string(cfg.AuthMode),
		"store":        db.Kind(),
		"policy":       policy,
		"ephemeral":    strconv.FormatBool(cfg.Ephemeral),
		"list_first":   cmp.Or(string(cfg.ListFirst), "auto"),
		"sealed":       strconv.FormatBool(!key.IsZero()),
		"history_days": strconv.Itoa(int(cfg.History.Hours() / 24)),
	}
	if cfg.PublicURL != nil {
		settings["public_url"] = cfg.PublicURL.String()
	}
	if cfg.CloudEndpoint != nil {
		settings["cloud_endpoint"] = cfg.CloudEndpoint.String()
	}
	if cfg.SignIn.OIDC != nil {
		settings["issuer"] = cfg.SignIn.OIDC.Issuer
	}
	trail, err := audit.New(audit.Config{
		Sink:     db,
		Key:      key,
		Log:      log,
		Now:      wallClock,
		NewID:    rand.Text,
		Build:    Build(),
		Policy:   policy,
		Settings: settings,
	})
	if err != nil {
		return nil, fmt.Errorf("AUDIT_KEY: %w", err)
	}
	return trail, nil
}
