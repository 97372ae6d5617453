// Package app builds the portal from its environment.
//
//	ReadConfig(getenv) → Config → Wire → App → Serve, or the runtime loop of a platform
//
// config.go, proxy.go and signin.go are the only readers of the environment.
//
// main, its commands and cmd/local use the package, so that a demonstration, a test and a
// deployment run the same program.
package app

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"backupportal/function/admission"
	"backupportal/function/aliyun"
	"backupportal/function/amazon"
	"backupportal/function/audit"
	"backupportal/function/pattern"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/web"
	"backupportal/web/auth"
)

// A Platform is the system that calls the program.
type Platform string

// The platforms.
const (
	FunctionCompute Platform = "fc"     // events, through the built-in runtime
	CustomRuntime   Platform = "custom" // HTTP, on Function Compute
	Lambda          Platform = "lambda" // events, on AWS
	PlainServer     Platform = "server" // HTTP, anywhere else
)

// Defaults of ADDR and DATABASE_URL.
const (
	defaultAddr     = "127.0.0.1:9000"
	defaultDatabase = "sqlite:backup-portal.db"
)

// defaultHistory is how long submissions are kept, in days, if HISTORY_DAYS is not set. A
// deployment with s.yaml always sets it: the default is repeated there, in docs/environment.md
// and in docs/reference/retention.md.
const defaultHistory = 400

// ListFirst says when the cloud's list is searched for an earlier job before a submission
// starts one: the database may have lost the record of it.
type ListFirst string

// The values of LIST_FIRST.
const (
	ListAuto   ListFirst = ""  // while a failover of the database can lose commits
	ListAlways ListFirst = "1" // always; also if the database ends with the instance
	ListNever  ListFirst = "0" // never: the operator knows that the database loses no commit
)

// Config is the portal's configuration, as [ReadConfig] reads it from the environment. The zero
// value of a field means that its variable is not set, unless the field says otherwise.
type Config struct {
	Platform      Platform
	Addr          string             // host and port on which the plain server listens
	PublicURL     *url.URL           // origin that people use; nil if not set
	PolicyFile    string             // path of the policy
	AuthMode      auth.Mode          // how people identify themselves
	SignIn        SignIn             // settings of the modes oidc and jwt
	Proxies       []netip.Prefix     // networks of proxies whose forwarding headers are believed; nil: no proxy
	CloudEndpoint *url.URL           // replaces every endpoint of the cloud; nil means the real ones
	CloudCA       []byte             // PEM certificates of the cloud's roots; nil means those in the program and the system's
	SystemRoots   bool               // the operator has set the system's roots: those in the program are not used
	Credentials   aliyun.Credentials // used if an invocation brings none

	// OutboundProxy returns the proxy for a request to the cloud; a nil URL means none. Nil means
	// no proxy for any request.
	OutboundProxy func(*http.Request) (*url.URL, error)

	Database     secret.String       // postgres://… or sqlite:PATH; empty means a file that is removed at the end
	Ephemeral    bool                // the database is lost with the instance
	ListFirst    ListFirst           // when the cloud's list is searched before a first attempt
	History      time.Duration       // how long submissions are kept
	AuditKeys    []secret.String     // the first seals the audit trail, all verify it; empty means no seals
	MetricsToken secret.String       // shown by the reader of /metrics; empty means that there are no metrics
	Getenv       func(string) string // reads the secrets that the policy names

	// Zone is the time zone of the times that the portal writes and of the days in filters. Nil
	// is UTC; [ReadConfig] always sets it.
	Zone *time.Location

	// BatchFunction is the name of the function that continues batches on Function Compute and Lambda. If it is empty,
	// only the sweep continues them. The Lambda fields are the settings of Lambda's API; they are set only on Lambda.
	BatchFunction     string
	LambdaEndpoint    *url.URL // nil: the host of the region
	LambdaRegion      string
	LambdaCredentials amazon.Credentials

	MaxRequests int // requests that are worked on at the same time; zero means [admission.DefaultSlots]

	SweepInterval time.Duration // between two sweeps of the plain server; zero means one minute
	Invoke        bool          // the plain server accepts events as POST /invoke; for demonstrations only
}

// ReadConfig reads the environment. The error joins everything that is wrong, each with the name of
// its variable. It reads the file of CLOUD_CA_FILE and no other.
func ReadConfig(getenv func(string) string) (Config, error) {
	c := Config{Platform: platformOf(getenv), Getenv: getenv}
	c.Addr = cmp.Or(getenv("ADDR"), defaultAddr)
	if port := getenv("FC_CUSTOM_LISTEN_PORT"); port != "" {
		c.Addr = "0.0.0.0:" + port // the platform cannot reach a server on loopback
	}
	c.PolicyFile = PolicyFile(getenv)
	c.Credentials = aliyun.Credentials{
		AccessKeyID:     getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"),
		AccessKeySecret: secret.New(getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET")),
		SecurityToken:   secret.New(getenv("ALIBABA_CLOUD_SECURITY_TOKEN")),
	}
	return c, errors.Join(
		c.readAddresses(getenv),
		c.readCA(getenv),
		c.readAuth(getenv),
		c.readProxies(getenv),
		c.readDatabase(getenv),
		c.readHistory(getenv),
		c.readZone(getenv),
		c.readMaxRequests(getenv),
		c.readAudit(getenv),
		c.readMetrics(getenv),
		c.readOutboundProxy(getenv),
		c.readBatchFunction(getenv),
		checkSDK(getenv),
	)
}

// platformOf identifies the platform by the variables that it sets. Only the built-in runtime of
// Function Compute sets FC_RUNTIME_API. FC_FUNCTION_NAME may be set there too, so it is checked
// later.
func platformOf(getenv func(string) string) Platform {
	switch {
	case getenv("FC_RUNTIME_API") != "":
		return FunctionCompute
	case getenv("AWS_LAMBDA_RUNTIME_API") != "":
		return Lambda
	case getenv("FC_FUNCTION_NAME") != "":
		return CustomRuntime
	}
	return PlainServer
}

// PolicyFile returns the path of the policy: POLICY_FILE, or policy.yaml in the folder of the
// program.
func PolicyFile(getenv func(string) string) string {
	return cmp.Or(getenv("POLICY_FILE"), besideBinary("policy.yaml"))
}

// besideBinary returns the path of a file in the folder of the program.
func besideBinary(name string) string {
	program, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(program), name)
}

// readAddresses reads PUBLIC_URL and CLOUD_ENDPOINT. Both must be origins, and HTTPS unless they
// are on loopback.
func (c *Config) readAddresses(getenv func(string) string) error {
	var errs []error
	for name, into := range map[string]**url.URL{"PUBLIC_URL": &c.PublicURL, "CLOUD_ENDPOINT": &c.CloudEndpoint} {
		text := getenv(name)
		if text == "" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			errs = append(errs, fmt.Errorf("%s must be an origin, such as https://backup.example.com", name))
			continue
		}
		if u.Scheme != "https" && (u.Scheme != "http" || !web.OnLoopback(u.Host)) {
			errs = append(errs, fmt.Errorf("%s must begin with https://; http:// is allowed on loopback only", name))
			continue
		}
		*into = &url.URL{Scheme: u.Scheme, Host: browserHost(u)}
	}
	return errors.Join(errs...)
}

// readProxies reads TRUSTED_PROXIES: networks or single addresses, separated by commas.
func (c *Config) readProxies(getenv func(string) string) error {
	text := getenv("TRUSTED_PROXIES")
	if text == "" {
		return nil
	}
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.TrimSpace(entry)
		network, err := netip.ParsePrefix(entry)
		if ip, single := netip.ParseAddr(entry); single == nil {
			network, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		if err != nil || network.Bits() == 0 || network != network.Masked() || network.Addr().Is4In6() || network.Addr().Zone() != "" {
			return errors.New("TRUSTED_PROXIES must be networks such as 10.0.0.0/8 or single addresses, separated by commas, and not all addresses")
		}
		c.Proxies = append(c.Proxies, network)
	}
	return nil
}

// browserHost returns the host of u as browsers send it: in lower case, without the default port of
// its scheme (WHATWG URL, "URL serializing").
func browserHost(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if port := u.Port(); port == map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return host
}

// readCA reads the file of CLOUD_CA_FILE, which has root certificates for calls of the cloud.
// If SSL_CERT_FILE or SSL_CERT_DIR is set, its roots replace those of the system (package
// crypto/x509) and also those in the program.
func (c *Config) readCA(getenv func(string) string) (err error) {
	c.SystemRoots = getenv("SSL_CERT_FILE") != "" || getenv("SSL_CERT_DIR") != ""
	if name := getenv("CLOUD_CA_FILE"); name != "" {
		if c.CloudCA, err = os.ReadFile(name); err != nil {
			return fmt.Errorf("CLOUD_CA_FILE: %w", err)
		}
	}
	return nil
}

// listensOnLoopback reports whether a server at addr, an address for [net.Listen], can be
// reached only from this machine. The port may be 0 or a name.
func listensOnLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return err == nil && web.OnLoopback(host)
}

// readAuth reads AUTH_MODE and the settings of its mode. Mode demo accepts every request as one
// user. It is allowed only if the server listens on loopback, or if the function can reach only an
// emulator on loopback.
func (c *Config) readAuth(getenv func(string) string) error {
	called := c.Platform == FunctionCompute || c.Platform == Lambda
	local := c.Platform == PlainServer && listensOnLoopback(c.Addr) || called && c.emulated()
	c.AuthMode = auth.Mode(getenv("AUTH_MODE"))
	switch c.AuthMode {
	case auth.ModeEvents:
		return nil
	case auth.ModeDemo:
		if !local {
			return errors.New("AUTH_MODE demo is allowed on loopback only: set ADDR to 127.0.0.1, or select another mode")
		}
		return nil
	case "":
		if !local {
			return errors.New("AUTH_MODE is not set: use oidc for sign-in with an identity provider, jwt for a gateway's signed assertions, events for submissions by platform events without pages, or demo on loopback")
		}
		c.AuthMode = auth.ModeDemo
		return nil
	case auth.ModeOIDC:
		return c.readOIDC(getenv)
	case auth.ModeJWT:
		return c.readJWT(getenv)
	}
	return fmt.Errorf("AUTH_MODE must be oidc, jwt, events or demo, not %q", c.AuthMode)
}

// emulated reports whether all calls of the cloud go to an emulator on this machine.
func (c *Config) emulated() bool {
	return c.CloudEndpoint != nil && web.OnLoopback(c.CloudEndpoint.Host)
}

// readDatabase reads DATABASE_URL. A database that is lost with its instance, and that other
// instances cannot see, must be allowed explicitly with ALLOW_EPHEMERAL_STORE=1.
func (c *Config) readDatabase(getenv func(string) string) error {
	text := strings.TrimSpace(getenv("DATABASE_URL"))
	kind := store.Kind(text)
	shared := kind == store.Postgres
	allowed := getenv("ALLOW_EPHEMERAL_STORE") == "1"
	c.Ephemeral = c.Platform != PlainServer && !shared
	switch value := getenv("LIST_FIRST"); {
	case value != "" && value != "0" && value != "1":
		return errors.New("LIST_FIRST must be 1, 0 or not set")
	case value == "0" && c.Ephemeral:
		return errors.New("LIST_FIRST=0 needs a database that all instances share: an instance forgets its submissions")
	case value == "0":
		c.ListFirst = ListNever
	case value == "1", c.Ephemeral:
		c.ListFirst = ListAlways
	}
	switch {
	case text != "" && kind == "":
		return errors.New("DATABASE_URL must be postgres://user:password@host/name or sqlite:PATH")
	case c.Ephemeral && !allowed:
		return errors.New("submissions would be lost with the instance: set DATABASE_URL=postgres://… for a database that all instances share, " +
			"or ALLOW_EPHEMERAL_STORE=1 to look up each submission in the cloud first")
	case text == "" && !c.Ephemeral:
		text = defaultDatabase
	}
	c.Database = secret.New(text)
	return nil
}

// readHistory reads HISTORY_DAYS, how long submissions are kept. The minimum is seven days,
// because a repeated request must find its submission for seven days.
func (c *Config) readHistory(getenv func(string) string) error {
	days, err := strconv.Atoi(cmp.Or(getenv("HISTORY_DAYS"), strconv.Itoa(defaultHistory)))
	if err != nil || days < 7 || days > 36500 {
		return errors.New("HISTORY_DAYS must be a whole number of days, from 7 to 36500")
	}
	c.History = time.Duration(days) * 24 * time.Hour
	return nil
}

// readMaxRequests reads MAX_REQUESTS: how many requests are handled at the same time.
func (c *Config) readMaxRequests(getenv func(string) string) error {
	n, err := strconv.Atoi(cmp.Or(getenv("MAX_REQUESTS"), strconv.Itoa(admission.DefaultSlots)))
	if err != nil || n < 5 || n > 1000 {
		return errors.New("MAX_REQUESTS must be a whole number of requests, from 5 to 1000")
	}
	c.MaxRequests = n
	return nil
}

// ReadAuditKeys reads AUDIT_KEY: keys separated by commas, the newest first. The first key seals
// the audit trail; the others verify older seals. It returns nil if the variable is not set.
func ReadAuditKeys(getenv func(string) string) ([]secret.String, error) {
	text := getenv("AUDIT_KEY")
	if text == "" {
		return nil, nil
	}
	var keys []secret.String
	for part := range strings.SplitSeq(text, ",") {
		key := secret.New(strings.TrimSpace(part))
		if err := audit.CheckKey(key); err != nil {
			return nil, fmt.Errorf("AUDIT_KEY: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// readAudit sets AuditKeys, the keys that seal the audit trail, from the environment.
func (c *Config) readAudit(getenv func(string) string) (err error) {
	c.AuditKeys, err = ReadAuditKeys(getenv)
	return err
}

// minMetricsToken is the smallest length of METRICS_TOKEN in bytes.
const minMetricsToken = 32

// readMetrics reads METRICS_TOKEN. It has an effect on the plain server and the custom runtime
// only: an instance of another platform answers one request at a time, and its counters cannot
// be read.
func (c *Config) readMetrics(getenv func(string) string) error {
	token := getenv("METRICS_TOKEN")
	if token == "" {
		return nil
	}
	if len(token) < minMetricsToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("METRICS_TOKEN must be at least 32 visible ASCII characters: create one with openssl rand -base64 32")
	}
	if c.Platform == PlainServer || c.Platform == CustomRuntime {
		c.MetricsToken = secret.New(token)
	}
	return nil
}

// readBatchFunction reads BATCH_FUNCTION and, on Lambda, the variables that Lambda sets for calls of AWS.
func (c *Config) readBatchFunction(getenv func(string) string) error {
	c.BatchFunction = getenv("BATCH_FUNCTION")
	if c.BatchFunction != "" && !pattern.Match(`[A-Za-z_][A-Za-z0-9_-]{0,127}`, c.BatchFunction) {
		return errors.New("BATCH_FUNCTION must be the name of a function: letters, digits, _ and -, at most 128")
	}
	if c.Platform != Lambda || c.BatchFunction == "" {
		return nil
	}
	c.LambdaRegion = getenv("AWS_REGION")
	c.LambdaCredentials = amazon.Credentials{
		AccessKeyID:     getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: secret.New(getenv("AWS_SECRET_ACCESS_KEY")),
		SessionToken:    secret.New(getenv("AWS_SESSION_TOKEN")),
	}
	text := getenv("AWS_ENDPOINT_URL_LAMBDA")
	if text == "" {
		return nil
	}
	endpoint, err := url.Parse(text)
	if err != nil || endpoint.Host == "" || endpoint.Scheme != "https" && !(endpoint.Scheme == "http" && web.OnLoopback(endpoint.Host)) {
		return errors.New("AWS_ENDPOINT_URL_LAMBDA must be an https:// address, or an http:// address on loopback")
	}
	c.LambdaEndpoint = endpoint
	return nil
}

// checkSDK refuses DEBUG=sdk, which makes the cloud's SDK print signed requests.
func checkSDK(getenv func(string) string) error {
	if strings.Contains(getenv("DEBUG"), "sdk") {
		return errors.New("DEBUG contains sdk, which makes the SDK print signed requests: remove it")
	}
	return nil
}
