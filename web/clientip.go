package web

import (
	"net/netip"
	"slices"
	"strings"
)

// maxHops is the maximum number of proxies that a request may have passed.
const maxHops = 50

// clientIP returns the IP address of the client. If the peer of the connection is in no trusted
// network, it is the peer. Otherwise the peer is a proxy, and clientIP reads X-Forwarded-For or
// Forwarded (RFC 7239) from right to left. It returns the first address outside of the trusted
// networks, or the left-most one if all are trusted. It ignores entries further to the left,
// because any client can write them.
//
// An entry that is not an address ends the search; the result is the proxy that wrote it. If
// both headers are present and give different addresses, the proxy has not written one of them,
// and the result is the peer.
func clientIP(peer netip.Addr, trusted []netip.Prefix, forwardedFor, forwarded []string) netip.Addr {
	if !isTrusted(peer, trusted) {
		return peer
	}
	switch {
	case len(forwarded) == 0:
		return rightMost(peer, trusted, splitList(forwardedFor, false))
	case len(forwardedFor) == 0:
		return rightMost(peer, trusted, forNodes(forwarded))
	}
	a := rightMost(peer, trusted, splitList(forwardedFor, false))
	if a == rightMost(peer, trusted, forNodes(forwarded)) {
		return a
	}
	return peer
}

// isTrusted reports whether ip is in one of the trusted networks.
func isTrusted(ip netip.Addr, trusted []netip.Prefix) bool {
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// rightMost returns the first address outside of the trusted networks, searching from the peer
// to the left.
func rightMost(peer netip.Addr, trusted []netip.Prefix, nodes []string) netip.Addr {
	last := peer
	for i, node := range slices.Backward(nodes) {
		ip, ok := nodeAddr(node)
		if !ok || len(nodes)-i > maxHops {
			return last
		}
		if last = ip; !isTrusted(ip, trusted) {
			return ip
		}
	}
	return last
}

// nodeAddr reads an IP address with or without a port. An IPv6 address with a port is in brackets.
// It returns false if node is no address.
func nodeAddr(node string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(node)
	if err != nil {
		if inner, ok := strings.CutPrefix(node, "["); ok && strings.HasSuffix(inner, "]") {
			ip, err = netip.ParseAddr(inner[:len(inner)-1])
		} else {
			var withPort netip.AddrPort
			withPort, err = netip.ParseAddrPort(node)
			ip = withPort.Addr()
		}
	}
	return ip.Unmap(), err == nil && ip.Zone() == ""
}

// forNodes returns the "for" parameter of each element of the Forwarded headers. It returns "" for
// an element that is malformed or has no such parameter.
func forNodes(values []string) []string {
	elements := splitList(values, true)
	nodes := make([]string, len(elements))
	for i, element := range elements {
		found := 0
		for _, pair := range splitQuoted(element, ';') {
			name, value, ok := strings.Cut(pair, "=")
			if !ok || !strings.EqualFold(strings.TrimSpace(name), "for") {
				continue
			}
			found++
			nodes[i] = unquoted(value)
		}
		if found > 1 {
			nodes[i] = ""
		}
	}
	return nodes
}

// splitList returns the comma-separated elements of all lines of a header. With quoted, commas in
// quoted strings do not separate.
func splitList(values []string, quoted bool) (elements []string) {
	for _, value := range values {
		parts := strings.Split(value, ",")
		if quoted {
			parts = splitQuoted(value, ',')
		}
		for _, part := range parts {
			elements = append(elements, strings.Trim(part, " \t"))
		}
	}
	return elements
}

// splitQuoted splits s at each separator that is outside of a quoted string (RFC 9110, section
// 5.6.4).
func splitQuoted(s string, separator byte) (parts []string) {
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == separator && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// unquoted removes the quotes of a quoted value. It does not process backslashes, because no
// address contains one.
func unquoted(value string) string {
	if inner, ok := strings.CutPrefix(value, `"`); ok && strings.HasSuffix(inner, `"`) {
		return inner[:len(inner)-1]
	}
	return value
}
