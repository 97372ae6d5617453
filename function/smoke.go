package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"backupportal/function/app"
	"backupportal/function/secret"
)

const smokeUsage = `smoke -url URL [-submission JSON]

Checks a portal after its deployment: health, version, store, clock, sign-in, policy, and a dry run of a backup. It starts no
backup. PORTAL_TOKEN has a token of a program, for the last two checks; without it they are left out where a token is
required. The dry run uses the submission, or the first preset of the token that has all values.

Prints one line for each check. The exit code is 0 if none failed, 1 if one failed, and 2 if the command line cannot be used.`

// smokeTokenVariable names the variable with the token. The scripts for pipelines use the same one.
const smokeTokenVariable = "PORTAL_TOKEN"

// errSmoke makes the command exit with status 1 if a check failed.
var errSmoke = errors.New("the portal is not ready for use: correct what failed and run smoke again")

// A smoke checks one portal. Each check returns a problem, which says what to do, or its result.
type smoke struct {
	base       *url.URL
	token      secret.String // empty: requests have no token
	submission string        // JSON of the dry run; empty: of a preset
	client     *http.Client  // follows no redirect
	now        func() time.Time
	build      string // version of this program
}

// errLeftOut marks a check that needs what the caller did not give. It is no failure.
var errLeftOut = errors.New("left out")

// checkPortal is the command "smoke".
func checkPortal(args []string, env environment) error {
	flags := newFlags("smoke", smokeUsage, env.out)
	address := flags.String("url", "", "the `URL` of the portal, such as https://backup.example.com")
	submission := flags.String("submission", "", "the `JSON` of the submission for the dry run")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	base, err := url.Parse(*address)
	if err != nil || base.Host == "" || strings.Trim(base.Path, "/") != "" || base.User != nil || base.RawQuery != "" {
		return usageError{errors.New("smoke -url URL: write the origin of the portal, such as https://backup.example.com")}
	}
	if base.Scheme != "https" && (base.Scheme != "http" || !isLoopback(base.Hostname())) {
		return usageError{errors.New("smoke -url URL: must begin with https://, because the token is sent there; http:// is for loopback only")}
	}
	if *submission != "" && !json.Valid([]byte(*submission)) {
		return usageError{errors.New("smoke -submission JSON: is not valid JSON")}
	}
	s := smoke{
		base: base, token: secret.New(env.getenv(smokeTokenVariable)), submission: *submission, now: time.Now, build: buildOf(app.Version().Module, app.Version().Commit),
		client: &http.Client{
			Timeout:       30 * time.Second, // longer than a cold start
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	return s.run(env.out)
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// run runs every check, also after a failure, and writes one line for each.
func (s smoke) run(out io.Writer) error {
	failed := 0
	for _, check := range []struct {
		name string
		run  func() (string, error)
	}{
		{"health", s.health},
		{"version", s.version},
		{"store", s.store},
		{"clock", s.clock},
		{"sign-in", s.signIn},
		{"policy", s.policy},
		{"dry run", s.dryRun},
	} {
		found, err := check.run()
		switch {
		case errors.Is(err, errLeftOut):
			fmt.Fprintf(out, "left out  %-8s %s\n", check.name, found)
		case err != nil:
			failed++
			fmt.Fprintf(out, "FAILED    %-8s %v\n", check.name, err)
		default:
			fmt.Fprintf(out, "ok        %-8s %s\n", check.name, found)
		}
	}
	if failed > 0 {
		return errSmoke
	}
	return nil
}

// An answered is an answer of the portal with its whole body.
type answered struct {
	*http.Response
	body  []byte
	taken time.Duration
}

// json decodes the body into v. The error says what stands there instead.
func (a answered) json(v any) error {
	if err := json.Unmarshal(a.body, v); err != nil {
		return fmt.Errorf("%s answered %s without JSON: is this URL the portal, and not a proxy or a sign-in page in front of it?",
			a.Request.URL, a.Status)
	}
	return nil
}

// maxSmokeBody is the longest body that is read, in bytes.
const maxSmokeBody = 4 << 20

// ask sends a request. The path begins with a slash. It sends the token only if authorized is true.
func (s smoke) ask(method, path, body string, authorized bool) (answered, error) {
	r, err := http.NewRequest(method, strings.TrimSuffix(s.base.String(), "/")+path, strings.NewReader(body))
	if err != nil {
		return answered{}, err
	}
	r.Header.Set("User-Agent", "backup-portal-smoke")
	if strings.HasPrefix(path, "/api/") {
		r.Header.Set("Accept", "application/json")
	} else {
		r.Header.Set("Accept", "text/html")
	}
	if authorized && !s.token.IsZero() {
		r.Header.Set("Authorization", "Bearer "+s.token.Reveal())
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "smoke")
	}
	began := s.now()
	res, err := s.client.Do(r)
	if err != nil {
		return answered{}, fmt.Errorf("no answer: %w: check the URL, the domain's certificate and the network", errors.Unwrap(err))
	}
	defer res.Body.Close()
	content, err := io.ReadAll(io.LimitReader(res.Body, maxSmokeBody))
	if err != nil {
		return answered{}, fmt.Errorf("the answer of %s broke off: %w", path, err)
	}
	return answered{res, content, s.now().Sub(began)}, nil
}

// A smokeHealth is the part of /healthz and /readyz that the checks use.
type smokeHealth struct {
	Status     string `json:"status"`
	Version    string `json:"version"`
	Commit     string `json:"commit"`
	Store      string `json:"store"`
	Ephemeral  bool   `json:"ephemeral"`
	ClockAhead int64  `json:"clock_ahead_ms"`
}

// askHealth reads /healthz or /readyz.
func (s smoke) askHealth(path string) (answered, smokeHealth, error) {
	var h smokeHealth
	res, err := s.ask(http.MethodGet, path, "", false)
	if err != nil {
		return res, h, err
	}
	return res, h, res.json(&h)
}

// health checks that the process answers.
func (s smoke) health() (string, error) {
	res, h, err := s.askHealth("/healthz")
	switch {
	case err != nil:
		return "", err
	case res.StatusCode == http.StatusMisdirectedRequest:
		return "", errors.New("the portal does not know this host: set PUBLIC_URL to this URL")
	case res.StatusCode != http.StatusOK || h.Status != "ok":
		return "", fmt.Errorf("/healthz answered %s: read the log of the function", res.Status)
	}
	return fmt.Sprintf("answered in %d ms", res.taken.Milliseconds()), nil
}

// buildOf returns a version with its commit, if that is known.
func buildOf(version, commit string) string {
	if commit == "" {
		return version
	}
	return version + " (" + commit + ")"
}

// version compares the version of the portal with that of this program.
func (s smoke) version() (string, error) {
	_, h, err := s.askHealth("/healthz")
	switch {
	case err != nil:
		return "", err
	case h.Version == "":
		return "", errors.New("the portal does not say its version: an earlier version is deployed, deploy again")
	case buildOf(h.Version, h.Commit) != s.build:
		return "", fmt.Errorf("the portal runs %s, and this program is %s: deploy again, or run the smoke of the deployed version",
			buildOf(h.Version, h.Commit), s.build)
	}
	return s.build, nil
}

// store checks that submissions can be recorded.
func (s smoke) store() (string, error) {
	res, h, err := s.askHealth("/readyz")
	switch {
	case err != nil:
		return "", err
	case res.StatusCode != http.StatusOK && h.ClockAhead != 0:
		return "", errors.New("submissions cannot be recorded: see clock")
	case res.StatusCode != http.StatusOK:
		return "", fmt.Errorf("/readyz answered %s: check DATABASE_URL and the network of the function (vpcConfig), and run migrate", res.Status)
	case h.Ephemeral:
		return "", errors.New("submissions are stored on one instance and are lost with it: set DATABASE_URL")
	}
	return h.Store, nil
}

// mostAhead is how much the clocks may differ. The Date header has no fractions of a second.
const mostAhead = 5 * time.Second

// clock checks that the clocks of the portal, of its database and of this machine agree.
func (s smoke) clock() (string, error) {
	res, h, err := s.askHealth("/readyz")
	if err != nil {
		return "", err
	}
	if h.ClockAhead != 0 {
		return "", fmt.Errorf("the clock of the database is %d ms ahead of the portal's: correct the clock of the machine that is off (NTP)", h.ClockAhead)
	}
	date, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return "", fmt.Errorf("the answer has no Date: %w", err)
	}
	off := date.Sub(s.now())
	if off > mostAhead || off < -mostAhead-res.taken-time.Second {
		return "", fmt.Errorf("the clock of the portal differs from this machine's by %s: correct the clock that is off (NTP)", off.Round(time.Second))
	}
	return "differs by at most 5 s", nil
}

// signIn checks that a visitor without a session sees no page, and is sent to an identity provider with the right way back.
func (s smoke) signIn() (string, error) {
	res, err := s.ask(http.MethodGet, "/", "", false)
	if err != nil {
		return "", err
	}
	switch {
	case res.StatusCode == http.StatusOK && isLoopback(s.base.Hostname()):
		return "AUTH_MODE demo: everyone is signed in, on loopback only", nil
	case res.StatusCode == http.StatusOK:
		return "", errors.New("the start page is shown without a sign-in: set AUTH_MODE to oidc, jwt or events at once")
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusForbidden:
		return fmt.Sprintf("pages are refused without a sign-in (%d)", res.StatusCode), nil
	case res.StatusCode/100 != 3:
		return "", fmt.Errorf("the start page answered %s: read the log of the function", res.Status)
	}
	for range 3 { // from the page to the sign-in, and from there to the provider
		to, err := res.Location()
		if err != nil {
			return "", errors.New("a redirect without Location: check what is in front of the portal")
		}
		if to.Host != s.base.Host {
			return s.provider(to)
		}
		if res, err = s.ask(http.MethodGet, to.RequestURI(), "", false); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("the sign-in does not lead to an identity provider (%s): check OIDC_ISSUER, and read the log of the function", res.Status)
}

// provider checks where the sign-in leads.
func (s smoke) provider(to *url.URL) (string, error) {
	back := to.Query().Get("redirect_uri")
	want := strings.TrimSuffix(s.base.String(), "/") + "/auth/callback"
	if back != want {
		return "", fmt.Errorf("the identity provider would send people back to %q instead of %q: set PUBLIC_URL to this URL", back, want)
	}
	return "people sign in at " + to.Host, nil
}

// policy checks that the policy knows the token.
func (s smoke) policy() (string, error) {
	_, found, err := s.presets()
	return found, err
}

// A smokePreset is a preset of the API.
type smokePreset struct {
	Name   string
	Values map[string]string
}

// presets returns the presets of the token, and what they are for people.
func (s smoke) presets() ([]smokePreset, string, error) {
	res, err := s.ask(http.MethodGet, "/api/v1/presets", "", true)
	if err != nil {
		return nil, "", err
	}
	switch {
	case res.StatusCode == http.StatusUnauthorized && s.token.IsZero():
		return nil, "set " + smokeTokenVariable + " to a token of a program (dist/main token new)", errLeftOut
	case res.StatusCode == http.StatusUnauthorized:
		return nil, "", errors.New("the policy does not accept the token: add its entry under tokens (dist/main token new) and deploy, or use a token that has not expired")
	case res.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("/api/v1/presets answered %s: %s", res.Status, problemDetail(res.body))
	}
	var answer struct{ Presets []smokePreset }
	if err := res.json(&answer); err != nil {
		return nil, "", err
	}
	return answer.Presets, fmt.Sprintf("the policy knows the sender; it may use %d presets", len(answer.Presets)), nil
}

// dryRun asks for the exact call of a backup, which is not sent.
func (s smoke) dryRun() (string, error) {
	body := s.submission
	if body == "" {
		presets, found, err := s.presets()
		if err != nil {
			return found, err
		}
		for _, p := range presets {
			if v := p.Values; v["Account"] != "" && v["Region"] != "" && cmp.Or(v["InstanceId"], v["ContainerClusterId"]) != "" {
				text, _ := json.Marshal(map[string]string{"Preset": p.Name}) // cannot fail
				body = string(text)
				break
			}
		}
		if body == "" {
			return "no preset of the token names a resource: give -submission", errLeftOut
		}
	}
	res, err := s.ask(http.MethodPost, "/api/v1/backup-jobs?dry_run=true", body, true)
	if err != nil {
		return "", err
	}
	switch {
	case res.StatusCode == http.StatusUnauthorized && s.token.IsZero():
		return "set " + smokeTokenVariable + " to a token of a program (dist/main token new)", errLeftOut
	case res.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%s for %s: %s: dist/main policy explain shows why each rule does not allow it", res.Status, body, problemDetail(res.body))
	}
	var call struct {
		Account, Region string
		Parameters      map[string]string
	}
	if err := res.json(&call); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s in %s, account %s; nothing was sent", call.Parameters["SourceType"], call.Region, call.Account), nil
}

// problemDetail returns what a problem document says.
func problemDetail(body []byte) string {
	var p struct {
		Title, Detail string
		Errors        []struct{ Detail string }
	}
	if json.Unmarshal(body, &p) != nil {
		return "no problem document"
	}
	parts := []string{cmp.Or(p.Detail, p.Title)}
	for _, e := range p.Errors[:min(len(p.Errors), 3)] {
		parts = append(parts, e.Detail)
	}
	return strings.Join(parts, "; ")
}
