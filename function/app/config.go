// Package app builds the portal from its environment.
//
//	ReadConfig(getenv) → Config → Wire → App → Serve, or the runtime loop of a platform
//
// config.go and signin.go are the only readers of the environment.
//
// main, its commands and cmd/local use it, so that a demonstration, a test and a
// deployment run the same program.
package app

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"backupportal/function/aliyun"
	"backupportal/function/audit"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/web"
)

// A Platform is what calls the program.
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

// How long submissions are kept, in days, if HISTORY_DAYS does not say.
const defaultHistory = 400

// Config is what the environment says. The zero value of a field means that its
// variable is not set, unless the field says more.
type Config struct {
	Platform      Platform
	Addr          string   // where the plain server listens
	PublicURL     *url.URL // origin that people see; nil if not set
	PolicyFile    string
	AuthMode      string // "demo", "events", "oidc" or "jwt"
	SignIn        SignIn
	Proxies       []netip.Prefix      // in front of the portal, whose forwarding headers are believed; nil: none
	CloudEndpoint *url.URL            // in place of every endpoint of the cloud; nil if not set
	CloudCA       []byte              // PEM roots for the cloud; nil means the system's
	Credentials   aliyun.Credentials  // where the invocation brings none
	Database      secret.String       // postgres://… or sqlite:PATH; empty means one that ends with the instance
	Ephemeral     bool                // the database ends with the instance
	ListFirst     bool                // the database may forget: the cloud is asked before a first attempt
	History       time.Duration       // how long submissions are kept
	AuditKeys     []secret.String     // the first seals the audit trail; empty: it is not sealed
	Getenv        func(string) string // for the secrets that the policy names

	SweepInterval time.Duration // between two sweeps of the plain server; zero means one minute
	Invoke        bool          // the plain server takes events as POST /invoke: for demonstrations only
}

// ReadConfig reads the environment, and reports everything wrong with it.
func ReadConfig(getenv func(string) string) (Config, error) {
	c := Config{Platform: platformOf(getenv), Getenv: getenv}
	c.Addr = cmp.Or(getenv("ADDR"), defaultAddr)
	if port := getenv("FC_CUSTOM_LISTEN_PORT"); port != "" {
		c.Addr = "0.0.0.0:" + port // on loopback the platform would not find the server
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
		c.readAudit(getenv),
		checkSDK(getenv),
	)
}

// platformOf tells the platforms apart by the variables that they set.
// FC_CUSTOM_LISTEN_PORT is set beside FC_RUNTIME_API, too, so that comes first.
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

// PolicyFile is the path of the policy: POLICY_FILE, or policy.yaml beside the
// program.
func PolicyFile(getenv func(string) string) string {
	return cmp.Or(getenv("POLICY_FILE"), besideBinary("policy.yaml"))
}

// besideBinary is the path of a file in the folder of the program.
func besideBinary(name string) string {
	program, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(program), name)
}

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
			errs = append(errs, fmt.Errorf("%s must begin with https://, unless it is on loopback", name))
			continue
		}
		*into = &url.URL{Scheme: u.Scheme, Host: asBrowsersSay(u)}
	}
	return errors.Join(errs...)
}

// readProxies reads TRUSTED_PROXIES: networks, or single addresses, joined by commas.
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

// asBrowsersSay is the host of u as browsers send it: in lower case, and without the
// port that its scheme has anyway (WHATWG URL).
func asBrowsersSay(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if port := u.Port(); port == map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return host
}

func (c *Config) readCA(getenv func(string) string) (err error) {
	if name := getenv("CLOUD_CA_FILE"); name != "" {
		if c.CloudCA, err = os.ReadFile(name); err != nil {
			return fmt.Errorf("CLOUD_CA_FILE: %w", err)
		}
	}
	return nil
}

// listensOnLoopback reports whether only this machine reaches a server at addr, which
// [net.Listen] takes. The port may be 0 or a name.
func listensOnLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return err == nil && web.OnLoopback(host)
}

// readAuth decides who may come in. Demo takes everybody for one user, so it
// is for loopback: a server that only this machine reaches, or a function that
// itself reaches nothing but an emulator on this machine.
func (c *Config) readAuth(getenv func(string) string) error {
	called := c.Platform == FunctionCompute || c.Platform == Lambda
	local := c.Platform == PlainServer && listensOnLoopback(c.Addr) || called && c.emulated()
	c.AuthMode = getenv("AUTH_MODE")
	switch c.AuthMode {
	case "events":
		return nil
	case "demo":
		if !local {
			return errors.New("AUTH_MODE demo is only for loopback: bind ADDR to 127.0.0.1, or choose another mode")
		}
		return nil
	case "":
		if !local {
			return errors.New("AUTH_MODE is not set: oidc signs people in; jwt believes a gateway's signed assertion; events accepts submissions from the platform's events and shows no pages; demo is for loopback")
		}
		c.AuthMode = "demo"
		return nil
	case "oidc":
		return c.readOIDC(getenv)
	case "jwt":
		return c.readJWT(getenv)
	}
	return fmt.Errorf("AUTH_MODE must be oidc, jwt, events or demo, not %q", c.AuthMode)
}

// emulated reports whether the cloud is an emulator on this machine.
func (c *Config) emulated() bool {
	return c.CloudEndpoint != nil && web.OnLoopback(c.CloudEndpoint.Host)
}

// readDatabase decides where submissions are remembered. What ends with an
// instance forgets them, and no other instance sees it: that has to be asked
// for.
func (c *Config) readDatabase(getenv func(string) string) error {
	text := strings.TrimSpace(getenv("DATABASE_URL"))
	kind := store.Kind(text)
	shared := kind == store.Postgres
	allowed := getenv("ALLOW_EPHEMERAL_STORE") == "1"
	c.Ephemeral = c.Platform != PlainServer && !shared
	c.ListFirst = c.Ephemeral || getenv("LIST_FIRST") == "1"
	switch {
	case text != "" && kind == "":
		return errors.New("DATABASE_URL must be postgres://user:password@host/name or sqlite:PATH")
	case c.Ephemeral && !allowed:
		return errors.New("an instance forgets its submissions: set DATABASE_URL=postgres://… for a database that all of them share, " +
			"or ALLOW_EPHEMERAL_STORE=1 to have each submission looked up in the cloud first")
	case text == "" && !c.Ephemeral:
		text = defaultDatabase
	}
	c.Database = secret.New(text)
	return nil
}

// readHistory reads how long submissions are kept. A key stands for its
// submission for seven days, so less makes no sense.
func (c *Config) readHistory(getenv func(string) string) error {
	days, err := strconv.Atoi(cmp.Or(getenv("HISTORY_DAYS"), strconv.Itoa(defaultHistory)))
	if err != nil || days < 7 || days > 36500 {
		return errors.New("HISTORY_DAYS must be a whole number of days, from 7 to 36500")
	}
	c.History = time.Duration(days) * 24 * time.Hour
	return nil
}

// ReadAuditKeys reads AUDIT_KEY: the first key seals the audit trail, the others
// are earlier ones, for checking what they sealed. It returns nil if the
// variable is not set.
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

func (c *Config) readAudit(getenv func(string) string) (err error) {
	c.AuditKeys, err = ReadAuditKeys(getenv)
	return err
}

// checkSDK refuses variables that make the cloud's SDK print signed requests,
// or fail every call: it compiles the entries of NO_PROXY as regular
// expressions.
func checkSDK(getenv func(string) string) error {
	var errs []error
	if strings.Contains(getenv("DEBUG"), "sdk") {
		errs = append(errs, errors.New("DEBUG contains sdk, which would print signed requests: remove it"))
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		if _, err := url.Parse(getenv(name)); err != nil {
			errs = append(errs, fmt.Errorf("%s is no address", name))
		}
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		for entry := range strings.SplitSeq(getenv(name), ",") {
			if _, err := regexp.Compile(entry); err != nil {
				errs = append(errs, fmt.Errorf("%s has an entry that is no regular expression, which the SDK needs", name))
			}
		}
	}
	return errors.Join(errs...)
}
