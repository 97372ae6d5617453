package web

import (
	"net/netip"
	"slices"
	"strings"
)

// maxHops is how many proxies a request may have passed.
const maxHops = 50

// clientIP returns the address of the client: that of the peer, unless the peer is in
// one of the trusted networks. Then it is the right-most address outside of them in
// X-Forwarded-For or in Forwarded (RFC 7239), or the left-most if all are inside. To
// the left of the first address that is no proxy's, anybody could have written what
// they like. An entry that is no address ends the search: the client is the proxy that
// wrote it. If both headers are there and disagree, one of them was not written by the
// proxy, and the client is the peer.
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

// isTrusted reports whether ip is in one of the networks.
func isTrusted(ip netip.Addr, trusted []netip.Prefix) bool {
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// rightMost walks from the peer to the left until it leaves the trusted networks.
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

// nodeAddr reads an address, in brackets if it is IPv6 and has a port, with or without
// a port.
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

// forNodes returns the for parameters of a header Forwarded, one for each element; ""
// stands for an element that has none, or that is malformed.
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

// splitList returns the elements of a header that may come several times.
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

// splitQuoted splits s at each separator outside of a quoted string (RFC 9110, section
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

// unquoted takes the quotes off a value. No address needs a backslash.
func unquoted(value string) string {
	if inner, ok := strings.CutPrefix(value, `"`); ok && strings.HasSuffix(inner, `"`) {
		return inner[:len(inner)-1]
	}
	return value
}
