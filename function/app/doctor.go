package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/function/set"
	"backupportal/function/store"
	"backupportal/web/auth"
)

// A Subject is the name of what a [Finding] is about. Scripts may rely on it: later versions keep the names.
type Subject string

// The subjects, in the order in which a doctor examines them.
const (
	Variables   Subject = "variables"   // environment variables, except the policy's own
	PolicyRules Subject = "policy"      // the policy file and the variables that it names
	Database    Subject = "database"    // reachable, with the schema and the rights that the portal needs
	Clock       Subject = "clock"       // clock of this machine, compared with the database's clock
	KeysOfCloud Subject = "credentials" // the portal's credentials for the cloud
	Permissions Subject = "permissions" // permissions in RAM, and what Cloud Backup needs in each account
	SignInOf    Subject = "sign-in"     // the identity provider of people
	Pipelines   Subject = "pipelines"   // the issuers of the tokens of CI pipelines
	Receivers   Subject = "receivers"   // receivers of notifications
)

// Subjects lists all subjects.
var Subjects = []Subject{Variables, PolicyRules, Database, Clock, KeysOfCloud, Permissions, SignInOf, Pipelines, Receivers}

// A FindingState is the result of one examination.
type FindingState string

// The results.
const (
	FindingOK         FindingState = "ok"
	FindingFailed     FindingState = "FAILED"
	FindingNotChecked FindingState = "not checked" // another finding must be corrected first, or there is nothing to check
)

// A Finding is one result of a [Doctor]. It contains no secret.
type Finding struct {
	Subject Subject
	State   FindingState
	What    string   // the finding in words
	Do      []string // what corrects a failure; a text with line breaks is to be copied
}

// A Doctor examines what a deployment needs. It changes nothing: it makes no backup, sends no message,
// and does not update the schema of the database. Access checks of the cloud are those of
// [aliyun.Client.Preflight].
type Doctor struct {
	Getenv func(string) string // reads the environment variables of the deployment
	Now    func() time.Time    // the clock of this machine; nil means the system's
	Skip   []Subject           // subjects that are not examined
}

// An examination is one run of a doctor.
type examination struct {
	Doctor
	ctx      context.Context
	cfg      Config
	findings []Finding
}

// Examine examines all subjects. It returns at least one finding for each subject. A subject that depends on one that
// failed is not checked, so that one fault has one finding.
func (d Doctor) Examine(ctx context.Context) []Finding {
	if d.Now == nil {
		d.Now = wallClock
	}
	x := &examination{Doctor: d, ctx: ctx}
	var invalid error
	x.cfg, invalid = ReadConfig(d.Getenv)
	x.examine(Variables, func() { x.variables(invalid) })
	var rules *policy.Policy
	x.examine(PolicyRules, func() { rules = x.policy() })
	x.needs(invalid == nil, "correct the variables first", Database, x.database, Clock)
	if rules == nil {
		const first = "correct the policy first"
		x.needs(false, first, KeysOfCloud, nil, Permissions)
		x.needs(invalid == nil, "correct the variables first", SignInOf, x.signIn)
		x.needs(false, first, Pipelines, nil, Receivers)
		return x.findings
	}
	x.needs(invalid == nil, "correct the variables first", KeysOfCloud, func() { x.cloud(rules) }, Permissions)
	x.needs(invalid == nil, "correct the variables first", SignInOf, x.signIn)
	x.examine(Pipelines, func() { x.pipelines(rules) })
	x.examine(Receivers, func() { x.receivers(rules) })
	return x.findings
}

// examine calls the function examine. If the subject is skipped, it only records that s was not checked.
func (x *examination) examine(s Subject, examine func()) {
	if slices.Contains(x.Skip, s) {
		x.notChecked(s, "skipped")
		return
	}
	examine()
}

// needs calls examine, which examines the subject s and those of more, if ready is true. Otherwise these
// subjects are not checked, for the reason why.
func (x *examination) needs(ready bool, why string, s Subject, examine func(), more ...Subject) {
	if ready {
		x.examine(s, examine)
	} else {
		x.examine(s, func() { x.notChecked(s, why) })
	}
	for _, other := range more {
		if !slices.ContainsFunc(x.findings, func(f Finding) bool { return f.Subject == other }) {
			if slices.Contains(x.Skip, s) {
				why = "skipped"
			}
			x.notChecked(other, why)
		}
	}
}

func (x *examination) ok(s Subject, format string, args ...any) {
	x.findings = append(x.findings, Finding{Subject: s, State: FindingOK, What: fmt.Sprintf(format, args...)})
}

func (x *examination) notChecked(s Subject, why string) {
	x.findings = append(x.findings, Finding{Subject: s, State: FindingNotChecked, What: why})
}

func (x *examination) failed(s Subject, what string, do ...string) {
	x.findings = append(x.findings, Finding{Subject: s, State: FindingFailed, What: what, Do: do})
}

// variables reports each error of ReadConfig, which names its variable and the correction.
func (x *examination) variables(invalid error) {
	for _, err := range joined(invalid) {
		x.failed(Variables, err.Error(), "correct the variable: docs/environment.md describes each of them")
	}
	if invalid == nil {
		x.ok(Variables, "platform %s, AUTH_MODE %s", x.cfg.Platform, x.cfg.AuthMode)
	}
}

// joined returns the errors that err joins, or err alone; nil for nil.
func joined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// policy reads the policy as the portal does at start. It returns nil after a failure. An error about a
// receiver is a finding about the receivers, and the policy is returned.
func (x *examination) policy() *policy.Policy {
	file := x.cfg.PolicyFile
	data, err := os.ReadFile(file)
	if err != nil {
		x.failed(PolicyRules, err.Error(), "set POLICY_FILE to the path of the policy; policy init writes a first one")
		return nil
	}
	rules, err := policy.Load(data, x.Getenv)
	if err != nil {
		x.failed(PolicyRules, file+": "+err.Error(), "correct these lines, and set the variables that they name; policy check shows the result")
		return nil
	}
	x.ok(PolicyRules, "%s, sha256 %s", file, rules.Hash())
	return rules
}

// database examines the database and, through it, the clock.
func (x *examination) database() {
	if x.cfg.Database.IsZero() {
		x.ok(Database, "none: each instance has a file of its own, which ends with it (ALLOW_EPHEMERAL_STORE=1)")
		x.notChecked(Clock, "there is no database to compare with")
		return
	}
	if file := store.File(x.cfg.Database); file != "" {
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			x.newFile(file)
			return
		}
	}
	db, err := store.Open(store.Config{URL: x.cfg.Database, Now: x.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		x.failed(Database, "DATABASE_URL: "+err.Error(), "correct DATABASE_URL, or the rights of the file that it names")
		return
	}
	defer db.Close()
	has, err := db.SchemaOf(x.ctx)
	needs := store.SchemaVersion()
	switch {
	case err != nil:
		x.failed(Database, "DATABASE_URL: "+err.Error(), "start the database, and correct the host, the user, the password and TLS in DATABASE_URL")
		return
	case has < needs && db.Kind() == store.SQLite:
		x.ok(Database, "sqlite: the next start updates the schema from version %d to %d", has, needs)
		x.notChecked(Clock, "the schema is not up to date")
		return
	case has < needs:
		x.failed(Database, fmt.Sprintf("%s: the schema is at version %d, and this program needs version %d", db.Kind(), has, needs),
			"run dist/main migrate with DATABASE_URL of a role that owns the schema, then run docs/role.sql")
		return
	}
	if missing, err := db.MissingPrivileges(x.ctx); err != nil || len(missing) > 0 {
		what := "the role of DATABASE_URL lacks rights: " + strings.Join(missing, "; ")
		if err != nil {
			what = "DATABASE_URL: " + err.Error()
		}
		x.failed(Database, what, "run docs/role.sql as the owner of the tables")
		return
	}
	err = db.Ready(x.ctx)
	if clock, ok := errors.AsType[*backup.ClockError](err); ok {
		x.ok(Database, "%s, schema %d", db.Kind(), has)
		x.failed(Clock, fmt.Sprintf("the clock of this machine differs from the database's clock by %v", clock.Ahead.Round(time.Millisecond)),
			"synchronize both clocks with NTP: the portal refuses submissions while they differ by more than 5 s")
		return
	}
	if err != nil {
		x.failed(Database, "DATABASE_URL: "+err.Error(), "correct the settings of the database that the message names: docs/how-to/database.md")
		return
	}
	x.ok(Database, "%s, schema %d, durability: %s", db.Kind(), has, db.Durability())
	x.ok(Clock, "this machine and the database agree")
}

// newFile examines a SQLite file that does not exist yet: its folder must be one in which this user can
// create files.
func (x *examination) newFile(file string) {
	probe, err := os.CreateTemp(filepath.Dir(file), ".backup-portal-doctor-")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		x.failed(Database, "the file of DATABASE_URL cannot be created: "+err.Error(), "create the folder, and let the user of the portal write to it")
		return
	}
	x.ok(Database, "sqlite: the first start creates %s", file)
	x.notChecked(Clock, "the database does not exist yet")
}

// doctorPrincipal is the principal of the calls of a doctor; their sessions have its name.
var doctorPrincipal = identity.Principal{Kind: identity.KindSource, Subject: "doctor", Name: "doctor"}

// accountTime limits the checks of one account.
const accountTime = 40 * time.Second

// cloud runs the access checks of each account, in the account's first region. The checks of the portal's
// own identity are the subject KeysOfCloud; the others are Permissions.
func (x *examination) cloud(rules *policy.Policy) {
	client, err := newCloud(x.cfg, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		x.failed(KeysOfCloud, err.Error(), "correct CLOUD_ENDPOINT and CLOUD_CA_FILE")
		return
	}
	identified := false
	for _, account := range rules.AllAccounts() {
		failures, all := 0, 0
		for _, check := range x.preflight(client, rules, account) {
			switch {
			case check.State == backup.CheckNotReached:
				continue
			case check.State == backup.CheckOK:
				identified = identified || check.ID == "identity"
				if identified && check.ID == "identity" && !x.has(KeysOfCloud) {
					x.ok(KeysOfCloud, "%s", check.Finding.En)
				}
				all++
				continue
			}
			subject := Permissions
			if check.ID == "credentials" || check.ID == "identity" {
				subject = KeysOfCloud
			}
			failures++
			x.failed(subject, accessFailure(account, check), fixesOf(check)...)
			if subject == KeysOfCloud && !identified {
				x.notChecked(Permissions, "correct the credentials first")
				return
			}
		}
		if failures == 0 {
			x.ok(Permissions, "account %s: %d checks in %s", account.Alias, all, account.Regions[0])
		}
	}
}

// has reports whether there is a finding about s.
func (x *examination) has(s Subject) bool {
	return slices.ContainsFunc(x.findings, func(f Finding) bool { return f.Subject == s })
}

// preflight runs the access checks of an account in its first region.
func (x *examination) preflight(client *aliyun.Client, rules *policy.Policy, account backup.Account) []backup.AccessCheck {
	ctx, cancel := context.WithTimeout(x.ctx, accountTime)
	defer cancel()
	target := backup.Target{Account: account, Region: account.Regions[0], Principal: doctorPrincipal}
	return client.Preflight(ctx, target, rules.Capabilities(account.Alias), param.Params{})
}

// accessFailure describes a failed access check in one line.
func accessFailure(account backup.Account, check backup.AccessCheck) string {
	text := fmt.Sprintf("account %s, %s: %s", account.Alias, check.ID, cmp.Or(check.Finding.En, check.Title.En))
	var evidence []string
	for _, part := range []string{check.Evidence.Operation, check.Evidence.Code, check.Evidence.RequestID} {
		if part != "" {
			evidence = append(evidence, part)
		}
	}
	if evidence != nil {
		text += " (" + strings.Join(evidence, ", ") + ")"
	}
	return text
}

// fixesOf returns what corrects a failed access check.
func fixesOf(check backup.AccessCheck) (do []string) {
	for _, fix := range check.Fixes {
		do = append(do, fix.Title.En+":\n"+fix.Code)
	}
	if do == nil {
		do = []string{"dist/main ram-policy prints the RAM policies that this deployment needs"}
	}
	return do
}

// signIn examines the identity provider of people, or the keys of the gateway.
func (x *examination) signIn() {
	switch x.cfg.AuthMode {
	case auth.ModeOIDC:
		if err := x.cfg.SignIn.OIDC.Check(x.ctx, x.Now); err != nil {
			x.failed(SignInOf, "OIDC_ISSUER "+x.cfg.SignIn.OIDC.Issuer+": "+causeOf(err),
				"correct OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET, or the route to the provider; "+
					"register "+x.cfg.PublicURL.JoinPath(auth.CallbackPath).String()+" there as the address of the callback")
			return
		}
		x.ok(SignInOf, "%s knows the client", x.cfg.SignIn.OIDC.Issuer)
	case auth.ModeJWT:
		if err := x.cfg.SignIn.JWT.Check(x.ctx, x.Now); err != nil {
			x.failed(SignInOf, "AUTH_JWT_JWKS_URL: "+causeOf(err), "correct AUTH_JWT_JWKS_URL, or the route to the gateway")
			return
		}
		x.ok(SignInOf, "the keys of %s can be read", x.cfg.SignIn.JWT.Issuer)
	default:
		x.ok(SignInOf, "AUTH_MODE %s needs no provider", x.cfg.AuthMode)
	}
}

// causeOf returns the cause of an authentication error, or its text.
func causeOf(err error) string {
	if caused, ok := errors.AsType[*auth.CauseError](err); ok {
		return caused.Cause
	}
	return err.Error()
}

// pipelines examines the issuer of each pipeline.
func (x *examination) pipelines(rules *policy.Policy) {
	var issuers []string
	for _, p := range rules.Pipelines() {
		issuers = set.Union(issuers, p.Issuer)
	}
	if issuers == nil {
		x.ok(Pipelines, "the policy names none")
		return
	}
	for _, issuer := range issuers {
		if err := auth.CheckIssuer(x.ctx, issuer, x.Now); err != nil {
			x.failed(Pipelines, issuer+": "+causeOf(err), "correct the key issuer in the policy, or the route to the issuer")
			continue
		}
		x.ok(Pipelines, "%s: metadata and keys can be read", issuer)
	}
}

// receivers connects to each receiver, without a message.
func (x *examination) receivers(rules *policy.Policy) {
	sender, err := newSender(x.cfg, rules)
	if err != nil {
		x.failed(Receivers, err.Error(), "correct the receiver in the policy, or the variable with its URL")
		return
	}
	if sender == nil {
		x.ok(Receivers, "the policy names none")
		return
	}
	for _, name := range sender.All() {
		if err := sender.Check(x.ctx, name); err != nil {
			x.failed(Receivers, err.Error(), "correct the URL of the receiver, or the route to it; notify test sends it a message")
			continue
		}
		x.ok(Receivers, "%s can be reached", name)
	}
}
