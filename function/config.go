package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/web"
)

// A platform is what calls the program.
type platform string

// The platforms.
const (
	functionCompute platform = "fc"     // events, through the built-in runtime
	customRuntime   platform = "custom" // HTTP, on Function Compute
	lambdaPlatform  platform = "lambda" // events, on AWS
	plainServer     platform = "server" // HTTP, anywhere else
	defaultAddr              = "127.0.0.1:9000"
)

// Config is everything that the environment says. Nothing else reads it.
type Config struct {
	Platform      platform
	Addr          string   // where the plain server listens
	PublicURL     *url.URL // origin that people see; nil if not set
	PolicyFile    string
	AuthMode      string              // "demo" or "events"
	CloudEndpoint *url.URL            // in place of every endpoint of the cloud; nil if not set
	CloudCA       []byte              // PEM roots for the cloud; nil means the system's
	Credentials   aliyun.Credentials  // where the invocation brings none
	Getenv        func(string) string // for the secrets that the policy names
}

// readConfig reads the environment, and reports everything wrong with it.
func readConfig(getenv func(string) string) (Config, error) {
	c := Config{Platform: platformOf(getenv), Getenv: getenv}
	c.Addr = cmp.Or(getenv("ADDR"), defaultAddr)
	if port := getenv("FC_CUSTOM_LISTEN_PORT"); port != "" {
		c.Addr = "0.0.0.0:" + port // on loopback the platform would not find the server
	}
	c.PolicyFile = policyFile(getenv)
	c.Credentials = aliyun.Credentials{
		AccessKeyID:     getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"),
		AccessKeySecret: backup.NewSecret(getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET")),
		SecurityToken:   backup.NewSecret(getenv("ALIBABA_CLOUD_SECURITY_TOKEN")),
	}
	return c, errors.Join(c.readAddresses(getenv), c.readCA(getenv), c.readAuth(getenv), checkStore(c.Platform, getenv), checkSDK(getenv))
}

// platformOf tells the platforms apart by the variables that they set.
// FC_CUSTOM_LISTEN_PORT is set beside FC_RUNTIME_API, too, so that comes first.
func platformOf(getenv func(string) string) platform {
	switch {
	case getenv("FC_RUNTIME_API") != "":
		return functionCompute
	case getenv("AWS_LAMBDA_RUNTIME_API") != "":
		return lambdaPlatform
	case getenv("FC_FUNCTION_NAME") != "":
		return customRuntime
	}
	return plainServer
}

// policyFile is where the policy lies.
func policyFile(getenv func(string) string) string {
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
		*into = &url.URL{Scheme: u.Scheme, Host: u.Host}
	}
	return errors.Join(errs...)
}

func (c *Config) readCA(getenv func(string) string) (err error) {
	if name := getenv("CLOUD_CA_FILE"); name != "" {
		if c.CloudCA, err = os.ReadFile(name); err != nil {
			return fmt.Errorf("CLOUD_CA_FILE: %w", err)
		}
	}
	return nil
}

// readAuth decides who may come in. Demo takes everybody for one user, so it
// is for loopback: a server that only this machine reaches, or a function that
// itself reaches nothing but an emulator on this machine.
func (c *Config) readAuth(getenv func(string) string) error {
	called := c.Platform == functionCompute || c.Platform == lambdaPlatform
	local := c.Platform == plainServer && web.OnLoopback(c.Addr) || called && c.emulated()
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
			return errors.New("AUTH_MODE is not set: events accepts submissions from the platform's events and shows no pages; demo is for loopback")
		}
		c.AuthMode = "demo"
		return nil
	case "oidc", "jwt":
		return fmt.Errorf("AUTH_MODE %s is not in this version: events accepts submissions from the platform's events; demo is for loopback", c.AuthMode)
	}
	return fmt.Errorf("AUTH_MODE must be events or demo, not %q", c.AuthMode)
}

// emulated reports whether the cloud is an emulator on this machine.
func (c *Config) emulated() bool {
	return c.CloudEndpoint != nil && web.OnLoopback(c.CloudEndpoint.Host)
}

// checkStore refuses what would forget submissions unasked. This version keeps
// them in memory.
func checkStore(p platform, getenv func(string) string) error {
	if getenv("DATABASE_URL") != "" {
		return errors.New("DATABASE_URL is set, but this version keeps submissions in memory only: leave it empty")
	}
	if p != plainServer && getenv("ALLOW_EPHEMERAL_STORE") != "1" {
		return errors.New("an instance forgets its submissions: set ALLOW_EPHEMERAL_STORE=1 to have each one looked up in the cloud first")
	}
	return nil
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
