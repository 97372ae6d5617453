package emulator

import "testing"

// TestControlRoutesAreReachedByAddressesOnly proves that the emulator's own routes accept a
// request only if its host is an IP address, localhost, or a name under localhost such as
// x.localhost. The routes refuse a name that only starts with such a host. This protects against
// web pages that use DNS rebinding.
func TestControlRoutesAreReachedByAddressesOnly(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:9100": true, "x.localhost:9100": true, "127.0.0.1:9100": true, "10.0.0.1": true, "[::1]:9100": true, "[2001:db8::1]": true,
		"127.0.0.1:9100.evil.example": false, "localhost:9100.evil.example": false, "localhost:": false, "localhost:0": false, "[::1]x": false, "[127.0.0.1]": false, "127.0.0.1]": false,
		"::1": false, "evil.example": false, "localhost.evil.example": false, "": false, "[": false,
	} {
		if got := isLocalName(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
