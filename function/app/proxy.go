package app

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// proxySchemes are the schemes of proxies that net/http supports.
var proxySchemes = []string{"http", "https", "socks5", "socks5h"}

// readOutboundProxy reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY with the rules of package
// httpproxy: a name in lower case wins over the same name in upper case. An error names the
// variable and never quotes its value, because the value may contain a password. NO_PROXY is
// never an error.
func (c *Config) readOutboundProxy(getenv func(string) string) error {
	read := func(name string) string {
		return strings.TrimSpace(cmp.Or(getenv(strings.ToLower(name)), getenv(name)))
	}
	settings := httpproxy.Config{
		HTTPProxy:  read("HTTP_PROXY"),
		HTTPSProxy: read("HTTPS_PROXY"),
		NoProxy:    read("NO_PROXY"),
	}
	choose := settings.ProxyFunc()
	c.OutboundProxy = func(r *http.Request) (*url.URL, error) { return choose(r.URL) }
	return errors.Join(checkProxy("HTTP_PROXY", settings.HTTPProxy), checkProxy("HTTPS_PROXY", settings.HTTPSProxy))
}

// checkProxy returns an error unless text is empty or the address of a proxy: a URL, or a host
// with an optional port, which means http. Package httpproxy ignores any other address, and
// requests would then go past the proxy.
func checkProxy(name, text string) error {
	if text == "" {
		return nil
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || !slices.Contains(proxySchemes, u.Scheme) {
		return fmt.Errorf("%s must be the address of a proxy, "+
			"such as http://proxy.example.com:8080 or proxy.example.com:8080; "+
			"in a password write @ : / ? # %% as %%40 %%3A %%2F %%3F %%23 %%25", name)
	}
	return nil
}
