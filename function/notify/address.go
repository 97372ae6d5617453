package notify

import (
	"net/netip"
	"slices"
)

// A destinations says which network addresses messages may be sent to, in addition to public
// ones.
type destinations struct{ private, loopback bool }

// metadataAddrs are addresses in private networks where clouds give credentials to any program on
// a machine: of Alibaba Cloud, AWS and Google Cloud. Their other metadata addresses are
// link-local, and refused as such.
var metadataAddrs = addresses("100.100.100.200", "fd00:ec2::254", "fd20:ce::254")

// privateNets are the networks for private use (RFC 1918, RFC 6598, RFC 4193).
var privateNets = networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")

// specialNets are further networks that are not public, or whose addresses embed other addresses
// (IANA's registries of special-purpose addresses, RFC 6890). For IPv6 it has only networks
// inside of 2000::/3, because other networks are refused anyway: loopback, link-local, multicast,
// and most forms of IPv4 in IPv6.
var specialNets = networks(
	"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23",     // protocols, among them Teredo
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4
	"3fff::/20",     // documentation
)

// globalV6 is the only part of IPv6 with public addresses.
var globalV6 = netip.MustParsePrefix("2000::/3")

// allows reports whether a message may be sent to an address. An address that is not known to be
// public is refused.
func (allowed destinations) allows(to netip.Addr) bool {
	to = to.Unmap().WithZone("")
	in := func(networks []netip.Prefix) bool {
		return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(to) })
	}
	switch {
	case !to.IsValid() || slices.Contains(metadataAddrs, to):
		return false
	case to.IsLoopback():
		return allowed.loopback
	case in(privateNets):
		return allowed.private
	}
	return !in(specialNets) && (to.Is4() || globalV6.Contains(to))
}

// networks parses networks in CIDR notation. It panics for an invalid one.
func networks(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// addresses parses IP addresses. It panics for an invalid one.
func addresses(texts ...string) (all []netip.Addr) {
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}
