package app

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"backupportal/function/secret"
	"backupportal/web"
	"backupportal/web/auth"
)

// A SignIn has the settings of the AUTH_MODE that identifies people.
type SignIn struct {
	OIDC *auth.OIDC     // settings of mode oidc, without its sessions; nil in other modes
	Keys auth.Keys      // seal the sessions of mode oidc
	JWT  auth.Assertion // settings of mode jwt
}

// defaultScopes are the scopes of OIDC_SCOPES if it is not set. They ask for the claims that
// name a person.
const defaultScopes = "openid profile email"

// groupsClaim reads OIDC_GROUPS_CLAIM. The default is "groups".
func groupsClaim(getenv func(string) string) string {
	return cmp.Or(strings.TrimSpace(getenv("OIDC_GROUPS_CLAIM")), "groups")
}

// missing returns an error for the first of names that is not set; mode is the AUTH_MODE that needs
// it.
func missing(getenv func(string) string, mode string, names ...string) error {
	for _, name := range names {
		if getenv(name) == "" {
			return fmt.Errorf("%s is not set: AUTH_MODE %s needs it", name, mode)
		}
	}
	return nil
}

// secureAddress returns an error unless text is a URL that others can neither read nor answer:
// HTTPS, or HTTP on loopback. name is the variable.
func secureAddress(name, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || strings.Contains(text, "#") ||
		u.Scheme != "https" && (u.Scheme != "http" || !web.OnLoopback(u.Host)) {
		return fmt.Errorf("%s must be a URL that begins with https://; http:// is allowed on loopback only", name)
	}
	return nil
}

// readOIDC reads the settings of AUTH_MODE oidc, in which people sign in at an OpenID provider.
func (c *Config) readOIDC(getenv func(string) string) error {
	needed := []string{"OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "PUBLIC_URL", "SESSION_KEYS"}
	if err := missing(getenv, "oidc", needed...); err != nil {
		return err
	}
	keys, err := auth.ParseKeys(getenv("SESSION_KEYS"))
	if err != nil {
		err = fmt.Errorf("SESSION_KEYS: %w", err)
	}
	scopes := strings.Fields(cmp.Or(strings.TrimSpace(getenv("OIDC_SCOPES")), defaultScopes))
	if !slices.Contains(scopes, "openid") {
		err = errors.Join(err, errors.New("OIDC_SCOPES must contain openid"))
	}
	nonce := cmp.Or(getenv("OIDC_NONCE"), "strict")
	if nonce != "strict" && nonce != "off" {
		err = errors.Join(err, errors.New("OIDC_NONCE must be strict, or off for a provider that does not repeat it"))
	}
	c.SignIn.Keys = keys
	c.SignIn.OIDC = &auth.OIDC{
		Issuer:       getenv("OIDC_ISSUER"),
		ClientID:     getenv("OIDC_CLIENT_ID"),
		ClientSecret: secret.New(getenv("OIDC_CLIENT_SECRET")),
		PublicURL:    c.PublicURL,
		Scopes:       scopes,
		GroupsClaim:  groupsClaim(getenv),
		NoNonce:      nonce == "off",
	}
	return errors.Join(err, secureAddress("OIDC_ISSUER", getenv("OIDC_ISSUER")))
}

// readJWT reads the settings of AUTH_MODE jwt, in which a gateway sends a signed token (JWT)
// with each request.
func (c *Config) readJWT(getenv func(string) string) error {
	if err := missing(getenv, "jwt", "AUTH_JWT_HEADER", "AUTH_JWT_ISSUER", "AUTH_JWT_AUDIENCE", "PUBLIC_URL"); err != nil {
		return err
	}
	c.SignIn.JWT = auth.Assertion{
		Header:      getenv("AUTH_JWT_HEADER"),
		Issuer:      getenv("AUTH_JWT_ISSUER"),
		Audience:    getenv("AUTH_JWT_AUDIENCE"),
		JWKSURL:     getenv("AUTH_JWT_JWKS_URL"),
		JWKS:        getenv("AUTH_JWT_JWKS"),
		GroupsClaim: groupsClaim(getenv),
		Now:         wallClock,
	}
	if strings.Contains(c.SignIn.JWT.Issuer, "#") {
		return errors.New("AUTH_JWT_ISSUER must not contain #, which separates the issuer from the subject in the names of people")
	}
	if (c.SignIn.JWT.JWKSURL == "") == (c.SignIn.JWT.JWKS == "") {
		return errors.New("set either AUTH_JWT_JWKS_URL, the URL of the gateway's keys, or AUTH_JWT_JWKS, the keys themselves")
	}
	if c.SignIn.JWT.JWKSURL != "" {
		return secureAddress("AUTH_JWT_JWKS_URL", c.SignIn.JWT.JWKSURL)
	}
	if _, err := c.SignIn.JWT.Authenticator(); err != nil {
		return fmt.Errorf("AUTH_JWT_JWKS: %w", err)
	}
	return nil
}
