package notify

import (
	"net/netip"
	"slices"
)

// A reach says where a receiver may be beside the public internet.
type reach struct{ private, loopback bool }

// never are addresses, inside of private networks, at which clouds hand out
// credentials to whoever asks: of Alibaba Cloud, AWS and Google Cloud. All
// others are link-local.
var never = addresses("100.100.100.200", "fd00:ec2::254", "fd20:ce::254")

// private are networks that an organisation has for itself.
var private = networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")

// special are networks, beside private ones, that are no part of the internet
// or lead out of what their addresses say (IANA's registries of special-purpose
// addresses, RFC 6890). IPv6 is public inside of 2000::/3 alone, which leaves out
// loopback, link-local, multicast, and the forms of IPv4 in IPv6 but these two.
var special = networks(
	"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23",     // for protocols, Teredo among them
	"2001:db8::/32", // for documents
	"2002::/16",     // 6to4
	"3fff::/20",     // for documents
)

var globalV6 = netip.MustParsePrefix("2000::/3")

// allows reports whether a message may go to an address. What is not known to
// be public is not.
func (may reach) allows(to netip.Addr) bool {
	to = to.Unmap().WithZone("")
	in := func(networks []netip.Prefix) bool {
		return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(to) })
	}
	switch {
	case !to.IsValid() || slices.Contains(never, to):
		return false
	case to.IsLoopback():
		return may.loopback
	case in(private):
		return may.private
	}
	return !in(special) && (to.Is4() || globalV6.Contains(to))
}

func networks(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func addresses(texts ...string) (all []netip.Addr) {
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}
