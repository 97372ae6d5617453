package web

import (
	"net/netip"
	"strings"
	"testing"
)

// TestClientIsTheRightMostThatIsNotTrusted proves that clientIP returns the right-most address
// of X-Forwarded-For that is in no trusted network. Addresses further to the left are ignored,
// because any client can write them.
func TestClientIsTheRightMostThatIsNotTrusted(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8:1::/48")}
	for name, c := range map[string]struct {
		peer, forwardedFor, forwarded string // header values joined by "\n"
		want                          string
	}{
		"no header":                          {"10.0.0.1", "", "", "10.0.0.1"},
		"a peer that is not trusted":         {"198.51.100.1", "203.0.113.9", "", "198.51.100.1"},
		"that forges both":                   {"198.51.100.1", "203.0.113.9", "for=203.0.113.9", "198.51.100.1"},
		"one hop":                            {"10.0.0.1", "203.0.113.9", "", "203.0.113.9"},
		"a forged entry on the left":         {"10.0.0.1", "198.51.100.66, 203.0.113.9", "", "203.0.113.9"},
		"a forged trusted one on the left":   {"10.0.0.1", "10.9.9.9, 203.0.113.9", "", "203.0.113.9"},
		"two proxies":                        {"10.0.0.1", "198.51.100.66, 203.0.113.9, 192.0.2.7", "", "203.0.113.9"},
		"in two lines":                       {"10.0.0.1", "198.51.100.66\n203.0.113.9, 192.0.2.7\n10.1.1.1", "", "203.0.113.9"},
		"all trusted":                        {"10.0.0.1", "10.3.3.3, 10.2.2.2", "", "10.3.3.3"},
		"with a port":                        {"10.0.0.1", "203.0.113.9:4711", "", "203.0.113.9"},
		"IPv6":                               {"10.0.0.1", "2001:db8::9", "", "2001:db8::9"},
		"IPv6 in brackets":                   {"10.0.0.1", "[2001:db8::9]", "", "2001:db8::9"},
		"IPv6 with a port":                   {"10.0.0.1", "[2001:db8::9]:4711", "", "2001:db8::9"},
		"IPv6 proxy":                         {"2001:db8:1::1", "203.0.113.9, 2001:db8:1::2", "", "203.0.113.9"},
		"IPv4 in IPv6":                       {"10.0.0.1", "203.0.113.9, ::ffff:10.2.2.2", "", "203.0.113.9"},
		"no address":                         {"10.0.0.1", "203.0.113.9, unknown", "", "10.0.0.1"},
		"no address behind a proxy":          {"10.0.0.1", "203.0.113.9, junk, 10.2.2.2", "", "10.2.2.2"},
		"empty":                              {"10.0.0.1", " ", "", "10.0.0.1"},
		"an empty entry":                     {"10.0.0.1", "203.0.113.9,", "", "10.0.0.1"},
		"a zone":                             {"10.0.0.1", "fe80::1%eth0", "", "10.0.0.1"},
		"spaces inside":                      {"10.0.0.1", "203.0.113.9 10.2.2.2", "", "10.0.0.1"},
		"octal":                              {"10.0.0.1", "0203.0.113.9", "", "10.0.0.1"},
		"very many":                          {"10.0.0.1", "203.0.113.9" + strings.Repeat(",10.2.2.2", 100), "", "10.2.2.2"},
		"forwarded":                          {"10.0.0.1", "", "for=203.0.113.9;proto=http;by=10.0.0.1", "203.0.113.9"},
		"forwarded, capitals":                {"10.0.0.1", "", "proto=http; FOR=203.0.113.9", "203.0.113.9"},
		"forwarded, quoted IPv6":             {"10.0.0.1", "", `For="[2001:db8:cafe::17]:4711"`, "2001:db8:cafe::17"},
		"forwarded, forged on the left":      {"10.0.0.1", "", `for=198.51.100.66, for=203.0.113.9`, "203.0.113.9"},
		"forwarded, two proxies":             {"10.0.0.1", "", `for=198.51.100.66, for=203.0.113.9;host=x, for="192.0.2.7:80"`, "203.0.113.9"},
		"forwarded, comma in quotes":         {"10.0.0.1", "", `for=203.0.113.9;host="a,for=198.51.100.66"`, "203.0.113.9"},
		"forwarded, escaped quote":           {"10.0.0.1", "", `for=203.0.113.9;host="a\",for=198.51.100.66"`, "203.0.113.9"},
		"forwarded, quote that does not end": {"10.0.0.1", "", `for=203.0.113.9;host="a, for=198.51.100.66`, "203.0.113.9"},
		"forwarded, a forged open quote":     {"10.0.0.1", "", "host=\"a\nfor=203.0.113.9", "203.0.113.9"},
		"forwarded, hidden":                  {"10.0.0.1", "", "for=203.0.113.9, for=_hidden", "10.0.0.1"},
		"forwarded, unknown":                 {"10.0.0.1", "", "for=203.0.113.9, for=unknown", "10.0.0.1"},
		"forwarded, without for":             {"10.0.0.1", "", "for=203.0.113.9, proto=https", "10.0.0.1"},
		"forwarded, two fors":                {"10.0.0.1", "", "for=203.0.113.9;for=198.51.100.66", "10.0.0.1"},
		"both, agreed":                       {"10.0.0.1", "203.0.113.9", "for=203.0.113.9", "203.0.113.9"},
		"both, one of them forged":           {"10.0.0.1", "203.0.113.9", "for=198.51.100.66", "10.0.0.1"},
	} {
		lines := func(s string) []string {
			if s == "" {
				return nil
			}
			return strings.Split(s, "\n")
		}
		if got := clientIP(netip.MustParseAddr(c.peer), trusted, lines(c.forwardedFor), lines(c.forwarded)); got.String() != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
		if got := clientIP(netip.MustParseAddr(c.peer), nil, lines(c.forwardedFor), lines(c.forwarded)); got.String() != c.peer {
			t.Errorf("%s, nobody trusted: %v", name, got)
		}
	}
}
