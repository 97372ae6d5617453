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
required. The dry run uses the submission, or the first preset of the token that names an account, a region and
a resource.

Prints one line for each check. The exit code is 0 if none failed, 1 if one failed, and 2 if the command line cannot be used.`

// smokeTokenVariable is the name of the environment variable with the token. The scripts for CI pipelines use the same
// variable.
const smokeTokenVariable = "PORTAL_TOKEN"

// errSmoke is the error of the command "smoke" if a check has failed. The exit code is then 1.
var errSmoke = errors.New("the portal is not ready for use: correct what failed and run smoke again")

// A smoke checks one portal. Each check is a method that returns its result as a text for the output. The error of a
// check says what is wrong and what to do; errLeftOut means that the check was not made.
type smoke struct {
	base       *url.URL      // origin of the portal
	token      secret.String // empty: requests have no token
	submission string        // JSON of the submission for the dry run; empty: the dry run uses a preset
	client     *http.Client  // follows no redirect
	now        func() time.Time
	build      string // version of this program, from buildOf
}

// errLeftOut is the error of a check that was not made because the token or the submission is missing. It does not
// count as a failure. The text of the check then says what is missing.
var errLeftOut = errors.New("left out")

// checkPortal is the command "smoke". The errors are errSmoke, and a usageError for an invalid command line.
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

// isLoopback reports whether a host is localhost or a loopback address.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// run makes every check, also after a failure, and writes one line for each. The error is errSmoke if a check failed.
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

// An answered is a response of the portal whose body was read.
type answered struct {
	*http.Response
	body  []byte
	taken time.Duration // from the request to the end of the body
}

// json decodes the body into v. If the body is not JSON, the error has the URL and the status, and asks the user
// whether the URL is that of the portal.
func (a answered) json(v any) error {
	if err := json.Unmarshal(a.body, v); err != nil {
		return fmt.Errorf("%s answered %s without JSON: is this URL the portal, and not a proxy or a sign-in page in front of it?",
			a.Request.URL, a.Status)
	}
	return nil
}

// maxSmokeBody is the number of bytes of a body that are read. The rest is ignored.
const maxSmokeBody = 4 << 20

// ask sends a request to the portal and reads the response. path begins with a slash. An empty body means none. The
// request has the token only if authorized is true and there is a token. The error says that no complete response
// came; each HTTP status is a response.
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

// A smokeHealth has the members of the responses of /healthz and /readyz that the checks use. Members that a response
// does not have are zero.
type smokeHealth struct {
	Status     string `json:"status"`
	Version    string `json:"version"`
	Commit     string `json:"commit"`
	Store      string `json:"store"`
	Ephemeral  bool   `json:"ephemeral"`
	ClockAhead int64  `json:"clock_ahead_ms"`
}

// askHealth requests /healthz or /readyz, without the token, and decodes the response.
func (s smoke) askHealth(path string) (answered, smokeHealth, error) {
	var h smokeHealth
	res, err := s.ask(http.MethodGet, path, "", false)
	if err != nil {
		return res, h, err
	}
	return res, h, res.json(&h)
}

// health checks that the portal answers /healthz with status 200.
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

// buildOf returns a version followed by its commit in parentheses, or only the version if commit is empty.
func buildOf(version, commit string) string {
	if commit == "" {
		return version
	}
	return version + " (" + commit + ")"
}

// version checks that the portal and this program have the same version and commit.
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

// store checks by /readyz that the portal can store submissions, in a database that all instances share.
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

// mostAhead is the maximum difference between the clocks of the portal and of this machine. The header Date has whole
// seconds only.
const mostAhead = 5 * time.Second

// clock checks two differences: the portal reports none between its clock and its database's, and its clock differs
// from this machine's by at most mostAhead.
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

// signIn checks that the portal shows no page to a visitor without a session. If the portal redirects the visitor to
// an identity provider, signIn checks the redirect with provider. On loopback, AUTH_MODE demo is accepted.
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

// provider checks the redirect to an identity provider: its redirect_uri must be /auth/callback of the portal.
func (s smoke) provider(to *url.URL) (string, error) {
	back := to.Query().Get("redirect_uri")
	want := strings.TrimSuffix(s.base.String(), "/") + "/auth/callback"
	if back != want {
		return "", fmt.Errorf("the identity provider would send people back to %q instead of %q: set PUBLIC_URL to this URL", back, want)
	}
	return "people sign in at " + to.Host, nil
}

// policy checks that the portal accepts the token and that its sender may read the list of presets.
func (s smoke) policy() (string, error) {
	_, found, err := s.presets()
	return found, err
}

// A smokePreset is a preset as the API returns it.
type smokePreset struct {
	Name   string
	Values map[string]string
}

// presets returns the presets that the sender of the token may use, and a sentence about them for the output. The
// error is errLeftOut if the portal requires a token and there is none; the sentence then says how to make one.
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

// dryRun asks the portal for the API call of a backup with dry_run=true: the portal checks the submission and sends
// nothing to the cloud. It uses s.submission or, if that is empty, the first preset that names a resource.
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

// problemDetail returns the detail of a problem document (RFC 9457), or its title, and the details of its first three
// errors.
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
