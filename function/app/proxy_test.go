package app

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestOutboundProxyFollowsTheEnvironment proves that HTTP_PROXY, HTTPS_PROXY and NO_PROXY have
// the same meaning as in other programs. NO_PROXY may have names, suffixes, networks and *; a
// proxy may have no scheme; a lower-case variable is preferred to the same one in upper case.
func TestOutboundProxyFollowsTheEnvironment(t *testing.T) {
	const hbr = "https://hbr.cn-hangzhou.aliyuncs.com/"
	for name, c := range map[string]struct {
		env  []string
		to   string
		want string // the proxy; empty means none
	}{
		"nothing set":            {nil, hbr, ""},
		"host and port":          {[]string{"HTTPS_PROXY", "host:8888"}, hbr, "http://host:8888"},
		"address and port":       {[]string{"HTTPS_PROXY", "10.0.0.1:8888"}, hbr, "http://10.0.0.1:8888"},
		"a host alone":           {[]string{"HTTPS_PROXY", "proxy"}, hbr, "http://proxy"},
		"lower case":             {[]string{"https_proxy", "http://a:1"}, hbr, "http://a:1"},
		"both cases":             {[]string{"https_proxy", "http://a:1", "HTTPS_PROXY", "http://b:1"}, hbr, "http://a:1"},
		"TLS to the proxy":       {[]string{"HTTPS_PROXY", "https://a:443"}, hbr, "https://a:443"},
		"SOCKS":                  {[]string{"HTTPS_PROXY", "socks5://a:1080"}, hbr, "socks5://a:1080"},
		"of HTTP only":           {[]string{"HTTP_PROXY", "http://a:1"}, hbr, ""},
		"no proxy at all":        {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", "*"}, hbr, ""},
		"no proxy, lower case":   {[]string{"HTTPS_PROXY", "a:1", "no_proxy", "*"}, hbr, ""},
		"a suffix with a star":   {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", "*.aliyuncs.com"}, hbr, ""},
		"a suffix with a dot":    {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", ".aliyuncs.com"}, hbr, ""},
		"a domain":               {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", "x.example, aliyuncs.com "}, hbr, ""},
		"another suffix":         {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", "*.svc.cluster.local"}, hbr, "http://a:1"},
		"a suffix that matches":  {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", "*.svc.cluster.local"}, "https://x.svc.cluster.local/", ""},
		"a name that only ends":  {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", "aliyuncs.com"}, "https://evilaliyuncs.com/", "http://a:1"},
		"a network":              {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", "10.0.0.0/8"}, "https://10.1.2.3/", ""},
		"outside of the network": {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", "10.0.0.0/8"}, "https://11.1.2.3/", "http://a:1"},
		"a network of IPv6":      {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", "fd00::/8"}, "https://[fd00::1]/", ""},
		"a name with its port":   {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", "hbr.cn-hangzhou.aliyuncs.com:443"}, hbr, ""},
		"an unreadable entry":    {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", "[fe80::,+"}, hbr, "http://a:1"},
		"a user and a password":  {[]string{"HTTPS_PROXY", "http://user:p%40ss@proxy.example:3128/"}, hbr, "http://user:p%40ss@proxy.example:3128/"},
		"an address of IPv6":     {[]string{"HTTPS_PROXY", "[fd00::1]:3128"}, hbr, "http://[fd00::1]:3128"},
		"SOCKS with names":       {[]string{"HTTPS_PROXY", "socks5h://a:1080"}, hbr, "socks5h://a:1080"},
		"a list of Kubernetes": {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", "localhost,127.0.0.1,.svc,.cluster.local,10.0.0.0/8,172.16.0.0/12,100.100.100.200"}, hbr,
			"http://a:1"},
		"the metadata server":  {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", "localhost,.svc,100.100.100.200"}, "https://100.100.100.200/latest", ""},
		"upper and lower case": {[]string{"HTTPS_PROXY", "a:1", "NO_PROXY", "*.AliYunCS.com"}, hbr, ""},
		"blanks alone":         {[]string{"HTTPS_PROXY", " ", "NO_PROXY", " "}, hbr, ""},
		"loopback":             {[]string{"HTTPS_PROXY", "a:1", "HTTP_PROXY", "a:1"}, "http://127.0.0.1:9100/", ""},
	} {
		cfg, err := ReadConfig(env(c.env...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := cfg.OutboundProxy(httptest.NewRequest("POST", c.to, nil))
		text := ""
		if got != nil {
			text = got.String()
		}
		if err != nil || text != c.want {
			t.Errorf("%s: %q, %v, want %q", name, text, err, c.want)
		}
	}
}

func TestProxyErrorDoesNotQuoteThePassword(t *testing.T) {
	for _, address := range []string{"http://u:CANARY#1@proxy:1", "ftp://u:CANARY@proxy", "http://u:CANARY@", "u:CANARY@proxy:port", "http://u:CANARY@pro xy"} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
			_, err := ReadConfig(env(name, address))
			if err == nil || strings.Contains(err.Error(), "CANARY") || !strings.Contains(err.Error(), strings.ToUpper(name)) {
				t.Errorf("%s=%s: %v", name, address, err)
			}
		}
	}
}
