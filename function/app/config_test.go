package app

import (
	"slices"
	"strings"
	"testing"

	"backupportal/web/auth"
)

// env returns a function like os.Getenv for the given names and values, in turn.
func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

const sessionKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// oidcSettings returns the minimal settings of AUTH_MODE oidc. pairs override them.
func oidcSettings(pairs ...string) []string {
	return append([]string{"AUTH_MODE", "oidc", "OIDC_ISSUER", "https://id.example.com", "OIDC_CLIENT_ID", "portal", "OIDC_CLIENT_SECRET", "s",
		"PUBLIC_URL", "https://backup.example.com", "SESSION_KEYS", sessionKey}, pairs...)
}

// jwtSettings returns the settings of AUTH_MODE jwt without the gateway's keys. pairs override
// them.
func jwtSettings(pairs ...string) []string {
	return append([]string{"AUTH_MODE", "jwt", "AUTH_JWT_HEADER", "X-Assertion", "AUTH_JWT_ISSUER", "https://id.example.com", "AUTH_JWT_AUDIENCE", "portal", "PUBLIC_URL", "https://backup.example.com"}, pairs...)
}

func TestConfigRefusesUnsafeSettings(t *testing.T) {
	const emulated = "http://127.0.0.1:9100"
	for name, c := range map[string]struct {
		env  []string
		want string // in the error; empty means that it starts
	}{
		"nothing at all":                    {nil, ""},
		"demo on loopback":                  {[]string{"AUTH_MODE", "demo"}, ""},
		"demo on all interfaces":            {[]string{"AUTH_MODE", "demo", "ADDR", "0.0.0.0:9000"}, "AUTH_MODE demo"},
		"demo on any port of loopback":      {[]string{"AUTH_MODE", "demo", "ADDR", "127.0.0.1:0"}, ""},
		"demo on IPv6 loopback":             {[]string{"AUTH_MODE", "demo", "ADDR", "[::1]:9000"}, ""},
		"no requests":                       {[]string{"MAX_REQUESTS", "0"}, "MAX_REQUESTS"},
		"requests without an end":           {[]string{"MAX_REQUESTS", "1001"}, "MAX_REQUESTS"},
		"a part of a request":               {[]string{"MAX_REQUESTS", "7.5"}, "MAX_REQUESTS"},
		"few requests":                      {[]string{"MAX_REQUESTS", "5"}, ""},
		"trusted proxies":                   {[]string{"TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.7,2001:db8::/32"}, ""},
		"all are trusted":                   {[]string{"TRUSTED_PROXIES", "0.0.0.0/0"}, "TRUSTED_PROXIES"},
		"all of IPv6 is trusted":            {[]string{"TRUSTED_PROXIES", "::/0"}, "TRUSTED_PROXIES"},
		"a trusted name":                    {[]string{"TRUSTED_PROXIES", "proxy.example.com"}, "TRUSTED_PROXIES"},
		"a trusted nothing":                 {[]string{"TRUSTED_PROXIES", "10.0.0.0/8,"}, "TRUSTED_PROXIES"},
		"a network with host bits":          {[]string{"TRUSTED_PROXIES", "10.0.0.1/8"}, "TRUSTED_PROXIES"},
		"a network too long":                {[]string{"TRUSTED_PROXIES", "10.0.0.0/33"}, "TRUSTED_PROXIES"},
		"a trusted port":                    {[]string{"TRUSTED_PROXIES", "10.0.0.1:80"}, "TRUSTED_PROXIES"},
		"an address mapped to IPv6":         {[]string{"TRUSTED_PROXIES", "::ffff:10.0.0.1"}, "TRUSTED_PROXIES"},
		"demo on what begins like loopback": {[]string{"AUTH_MODE", "demo", "ADDR", "127.0.0.1.evil.example:9000"}, "AUTH_MODE demo"},
		"nobody decides, all interfaces":    {[]string{"ADDR", ":9000"}, "AUTH_MODE is not set"},
		"an emulator, all interfaces":       {[]string{"ADDR", ":9000", "CLOUD_ENDPOINT", emulated}, "AUTH_MODE is not set"},
		"events on all interfaces":          {[]string{"AUTH_MODE", "events", "ADDR", ":9000"}, ""},
		"an unknown mode":                   {[]string{"AUTH_MODE", "open"}, "AUTH_MODE must be"},
		"sign-in":                           {[]string{"AUTH_MODE", "oidc"}, "OIDC_ISSUER is not set"},
		"sign-in, whole":                    {oidcSettings(), ""},
		"sign-in, no openid":                {oidcSettings("OIDC_SCOPES", "profile"), "OIDC_SCOPES"},
		"sign-in, an unknown nonce":         {oidcSettings("OIDC_NONCE", "no"), "OIDC_NONCE"},
		"sign-in, issuer in clear":          {oidcSettings("OIDC_ISSUER", "http://id.example.com"), "OIDC_ISSUER"},
		"sign-in, a short key":              {oidcSettings("SESSION_KEYS", "c2hvcnQ="), "SESSION_KEYS"},
		"sign-in, four keys":                {oidcSettings("SESSION_KEYS", strings.Join(slices.Repeat([]string{sessionKey}, 4), ",")), "SESSION_KEYS"},
		"a gateway":                         {jwtSettings("AUTH_JWT_JWKS_URL", "https://id.example.com/keys"), ""},
		"a gateway without keys":            {jwtSettings(), "AUTH_JWT_JWKS_URL"},
		"a gateway, issuer with #":          {jwtSettings("AUTH_JWT_ISSUER", "https://id.example.com#", "AUTH_JWT_JWKS_URL", "https://id.example.com/keys"), "AUTH_JWT_ISSUER"},
		"sign-in, issuer with #":            {oidcSettings("OIDC_ISSUER", "https://id.example.com#"), "OIDC_ISSUER"},
		"a gateway, keys in clear":          {jwtSettings("AUTH_JWT_JWKS_URL", "http://id.example.com/keys"), "AUTH_JWT_JWKS_URL"},
		"a gateway with a secret":           {jwtSettings("AUTH_JWT_JWKS", `{"keys":[{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}]}`), "AUTH_JWT_JWKS"},
		"demo on Function Compute":          {[]string{"FC_RUNTIME_API", "127.0.0.1:1", "ALLOW_EPHEMERAL_STORE", "1", "AUTH_MODE", "demo"}, "AUTH_MODE demo"},
		"demo there, with an emulator":      {[]string{"FC_RUNTIME_API", "127.0.0.1:1", "ALLOW_EPHEMERAL_STORE", "1", "AUTH_MODE", "demo", "CLOUD_ENDPOINT", emulated}, ""},
		"Function Compute, forgetful":       {[]string{"FC_RUNTIME_API", "127.0.0.1:1", "AUTH_MODE", "events"}, "ALLOW_EPHEMERAL_STORE"},
		"Lambda, forgetful":                 {[]string{"AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1", "AUTH_MODE", "events"}, "ALLOW_EPHEMERAL_STORE"},
		"a custom runtime, forgetful":       {[]string{"FC_FUNCTION_NAME", "f", "AUTH_MODE", "events"}, "ALLOW_EPHEMERAL_STORE"},
		"a database":                        {[]string{"DATABASE_URL", "postgres://db/x"}, ""},
		"a database that all share":         {[]string{"FC_RUNTIME_API", "127.0.0.1:1", "AUTH_MODE", "events", "DATABASE_URL", "postgresql://db/x"}, ""},
		"a file that instances forget":      {[]string{"FC_RUNTIME_API", "127.0.0.1:1", "AUTH_MODE", "events", "DATABASE_URL", "sqlite:x.db"}, "ALLOW_EPHEMERAL_STORE"},
		"a database of another kind":        {[]string{"DATABASE_URL", "mysql://db/x"}, "DATABASE_URL must be"},
		"a zone that does not exist":        {[]string{"TIME_ZONE", "Asia/Beijing"}, "TIME_ZONE must be"},
		"the zone of the computer":          {[]string{"TIME_ZONE", "Local"}, "TIME_ZONE must be"},
		"no history":                        {[]string{"HISTORY_DAYS", "6"}, "HISTORY_DAYS"},
		"a history of words":                {[]string{"HISTORY_DAYS", "a year"}, "HISTORY_DAYS"},
		"an endpoint in the clear":          {[]string{"CLOUD_ENDPOINT", "http://hbr.example.com"}, "CLOUD_ENDPOINT must begin with https"},
		"an endpoint with a path":           {[]string{"CLOUD_ENDPOINT", "https://hbr.example.com/x"}, "CLOUD_ENDPOINT must be an origin"},
		"a public address that is none":     {[]string{"PUBLIC_URL", "backup.example.com"}, "PUBLIC_URL"},
		"a public address with a fragment":  {[]string{"PUBLIC_URL", "https://backup.example.com#x"}, "PUBLIC_URL"},
		"LIST_FIRST of a word":              {[]string{"LIST_FIRST", "no"}, "LIST_FIRST must be"},
		"a file never looked up":            {[]string{"FC_RUNTIME_API", "127.0.0.1:1", "AUTH_MODE", "events", "ALLOW_EPHEMERAL_STORE", "1", "LIST_FIRST", "0"}, "LIST_FIRST=0 needs"},
		"an SDK that prints":                {[]string{"DEBUG", "tea,sdk"}, "DEBUG"},
		"a proxy without a scheme":          {[]string{"HTTPS_PROXY", "host:8888"}, ""},
		"a proxy with a password":           {[]string{"https_proxy", "http://u:pa%40ss@proxy.example.com:3128"}, ""},
		"a proxy with a line end":           {[]string{"HTTP_PROXY", "10.0.0.1:3128\n"}, ""},
		"a SOCKS proxy":                     {[]string{"HTTPS_PROXY", "socks5h://10.0.0.1:1080"}, ""},
		"no proxy for anything":             {[]string{"NO_PROXY", "*"}, ""},
		"no proxy for many":                 {[]string{"NO_PROXY", "*.svc.cluster.local,10.0.0.0/8, [fe80::, +, [::1]"}, ""},
		"a proxy of another kind":           {[]string{"HTTPS_PROXY", "ftp://proxy.example.com"}, "HTTPS_PROXY must be"},
		"a proxy without a host":            {[]string{"HTTP_PROXY", "http://"}, "HTTP_PROXY must be"},
		"a proxy with a bare mark":          {[]string{"HTTPS_PROXY", "http://u:pa#ss@proxy.example.com:3128"}, "HTTPS_PROXY must be"},
		"roots that are not there":          {[]string{"CLOUD_CA_FILE", "/nowhere/ca.pem"}, "CLOUD_CA_FILE"},
	} {
		_, err := ReadConfig(env(c.env...))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestSignInDefaults(t *testing.T) {
	for _, c := range []struct {
		env           []string
		scopes, claim string
	}{
		{nil, "openid profile email", "groups"},
		{[]string{"OIDC_SCOPES", " ", "OIDC_GROUPS_CLAIM", " "}, "openid profile email", "groups"},
		{[]string{"OIDC_SCOPES", "openid groups", "OIDC_GROUPS_CLAIM", "realm_access.roles"}, "openid groups", "realm_access.roles"},
		{[]string{"OIDC_GROUPS_CLAIM", "https://backup.example.com/roles\n"}, "openid profile email", "https://backup.example.com/roles"},
	} {
		got, err := ReadConfig(env(oidcSettings(c.env...)...))
		if err != nil {
			t.Fatal(err)
		}
		if in := got.SignIn.OIDC; strings.Join(in.Scopes, " ") != c.scopes || in.GroupsClaim != c.claim {
			t.Errorf("%v: scopes %q, claim %q", c.env, in.Scopes, in.GroupsClaim)
		}
		got, err = ReadConfig(env(jwtSettings(append(c.env, "AUTH_JWT_JWKS_URL", "https://id.example.com/keys")...)...))
		if err != nil || got.SignIn.JWT.GroupsClaim != c.claim {
			t.Errorf("%v: claim %q of the gateway, %v", c.env, got.SignIn.JWT.GroupsClaim, err)
		}
	}
}

func TestConfigReportsAllErrors(t *testing.T) {
	_, err := ReadConfig(env("AUTH_MODE", "open", "DATABASE_URL", "x", "PUBLIC_URL", "ftp://x", "DEBUG", "sdk"))
	for _, want := range []string{"AUTH_MODE", "DATABASE_URL", "PUBLIC_URL", "DEBUG"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
}

func TestConfigChoosesTheDatabase(t *testing.T) {
	for name, c := range map[string]struct {
		env       []string
		url       string
		ephemeral bool
		listFirst ListFirst
	}{
		"a server":                   {nil, "sqlite:backup-portal.db", false, ListAuto},
		"a server with its own":      {[]string{"DATABASE_URL", "sqlite:/var/lib/x.db"}, "sqlite:/var/lib/x.db", false, ListAuto},
		"a server with lossy copies": {[]string{"DATABASE_URL", "postgres://db/x", "LIST_FIRST", "1"}, "postgres://db/x", false, ListAlways},
		"a server without failover":  {[]string{"DATABASE_URL", "postgres://db/x", "LIST_FIRST", "0"}, "postgres://db/x", false, ListNever},
		"Function Compute":           {[]string{"FC_RUNTIME_API", "x", "AUTH_MODE", "events", "DATABASE_URL", "postgres://db/x"}, "postgres://db/x", false, ListAuto},
		"Function Compute without":   {[]string{"FC_RUNTIME_API", "x", "AUTH_MODE", "events", "ALLOW_EPHEMERAL_STORE", "1"}, "", true, ListAlways},
	} {
		got, err := ReadConfig(env(c.env...))
		if err != nil || got.Database.Reveal() != c.url || got.Ephemeral != c.ephemeral || got.ListFirst != c.listFirst {
			t.Errorf("%s: %s, ephemeral %v, list first %q, error %v", name, got.Database.Reveal(), got.Ephemeral, got.ListFirst, err)
		}
	}
}

func TestConfigDetectsPlatform(t *testing.T) {
	for want, vars := range map[Platform][]string{
		FunctionCompute: {"FC_RUNTIME_API", "x", "FC_CUSTOM_LISTEN_PORT", "9000", "FC_FUNCTION_NAME", "f"},
		CustomRuntime:   {"FC_FUNCTION_NAME", "f", "FC_CUSTOM_LISTEN_PORT", "9000"},
		Lambda:          {"AWS_LAMBDA_RUNTIME_API", "x"},
		PlainServer:     nil,
	} {
		if got := platformOf(env(vars...)); got != want {
			t.Errorf("%v: got %s, want %s", vars, got, want)
		}
	}
}

// TestHostsAreThoseOfThePublicURL proves that the portal's host name has the form in which
// browsers send it (threat T14).
func TestHostsAreThoseOfThePublicURL(t *testing.T) {
	for public, names := range map[string]map[string]bool{
		"https://backup.example.com":      {"backup.example.com": true, "evil.example": false, "": false, "backup.example.com:443": false, "backup.example.com.": false},
		"https://Backup.Example.com:443":  {"backup.example.com": true, "Backup.Example.com:443": false},
		"https://backup.example.com:8443": {"backup.example.com:8443": true, "backup.example.com": false},
		"http://localhost:80":             {"localhost": true, "localhost:80": false},
	} {
		c, err := ReadConfig(env(jwtSettings("AUTH_JWT_JWKS_URL", "https://id.example.com/keys", "PUBLIC_URL", public, "FC_FUNCTION_NAME", "f", "ALLOW_EPHEMERAL_STORE", "1")...))
		if err != nil {
			t.Fatalf("%s: %v", public, err)
		}
		for name, want := range names {
			if got := hosts(c)(name); got != want {
				t.Errorf("%s: host %q is taken: %v", public, name, got)
			}
		}
	}
	if _, err := ReadConfig(env(jwtSettings("AUTH_JWT_JWKS_URL", "https://id.example.com/keys", "PUBLIC_URL", "")...)); err == nil || !strings.Contains(err.Error(), "PUBLIC_URL") {
		t.Errorf("without PUBLIC_URL: %v", err)
	}
}

// TestAuthModeAcceptsEveryMode proves that AUTH_MODE accepts each mode in the API reference,
// and no other value.
func TestAuthModeAcceptsEveryMode(t *testing.T) {
	settings := map[auth.Mode][]string{
		auth.ModeDemo:   {"AUTH_MODE", "demo"},
		auth.ModeEvents: {"AUTH_MODE", "events"},
		auth.ModeOIDC:   oidcSettings(),
		auth.ModeJWT:    jwtSettings("AUTH_JWT_JWKS_URL", "https://id.example.com/keys"),
	}
	for _, mode := range auth.Modes {
		cfg, err := ReadConfig(env(settings[mode]...))
		if err != nil || cfg.AuthMode != mode {
			t.Errorf("%s: %q, %v", mode, cfg.AuthMode, err)
		}
		_, err = ReadConfig(env("AUTH_MODE", "open"))
		if err == nil || !strings.Contains(err.Error(), string(mode)) {
			t.Errorf("the error for an unknown mode does not name %s: %v", mode, err)
		}
	}
	if len(settings) != len(auth.Modes) {
		t.Errorf("%d modes, want %d", len(auth.Modes), len(settings))
	}
}
