package notify

import (
	"net/netip"
	"strings"
	"testing"

	"backupportal/function/backup"
)

func TestOnlyPublicAddressesAreAllowed(t *testing.T) {
	for _, c := range []struct {
		name, addresses string
		allowed         destinations // destinations that the addresses need; the zero value means public addresses
		never           bool
	}{
		{"public", "8.8.8.8 47.100.1.1 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 198.20.0.1 223.255.255.255", destinations{}, false},
		{"public, IPv6", "2400:3200::1 2606:4700::1111 2001:200::1 ::ffff:8.8.8.8", destinations{}, false},
		{"private", "10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.1.1 ::ffff:10.0.0.1", destinations{private: true}, false},
		{"private, IPv6", "fc00::1 fd12:3456::1", destinations{private: true}, false},
		{"of the carrier", "100.64.0.1 100.127.255.255 100.100.100.201", destinations{private: true}, false},
		{"loopback", "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1", destinations{loopback: true}, false},
		{"credentials of the cloud", "100.100.100.200 ::ffff:100.100.100.200 fd00:ec2::254 fd20:ce::254", destinations{}, true},
		{"link-local", "169.254.169.254 169.254.0.1 ::ffff:169.254.169.254 fe80::1 fe80::1%eth0", destinations{}, true},
		{"unspecified", "0.0.0.0 0.1.2.3 ::", destinations{}, true},
		{"multicast and broadcast", "224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 ff02::1", destinations{}, true},
		{"documents and tests", "192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.1 192.0.0.8 2001:db8::1 3fff::1", destinations{}, true},
		{"IPv4 in IPv6", "64:ff9b::8.8.8.8 64:ff9b::a9fe:a9fe 64:ff9b:1::1 ::8.8.8.8 2002:808:808::1 2001:0:1::1 ::ffff:0:8.8.8.8", destinations{}, true},
		{"others", "100::1 4000::1 fec0::1 5f00::1", destinations{}, true},
	} {
		for address := range strings.FieldsSeq(c.addresses) {
			to := netip.MustParseAddr(address)
			for _, allowed := range []destinations{{}, {private: true}, {loopback: true}, {private: true, loopback: true}} {
				want := !c.never && (allowed.private || !c.allowed.private) && (allowed.loopback || !c.allowed.loopback)
				if got := allowed.allows(to); got != want {
					t.Errorf("%s: %s with %+v: %v, want %v", c.name, address, allowed, got, want)
				}
			}
		}
	}
	if (destinations{true, true}).allows(netip.Addr{}) {
		t.Error("no address is allowed")
	}
}

// TestNonPublicAddressesGetNothing proves that the dialer checks the address to which a name
// resolves. The sender sends nothing to a refused address.
func TestNonPublicAddressesGetNothing(t *testing.T) {
	s := newServer(t, answerWith(200, ""))
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	for _, c := range []struct {
		host    string
		private bool
	}{
		{"localhost", false}, {"127.0.0.1", false}, {"[::ffff:127.0.0.1]", false}, {"localhost", true}, {"127.0.0.1", true},
		{"10.255.255.1", false}, {"169.254.169.254", true}, {"100.100.100.200", true}, {"[fe80::1]", true}, {"0.0.0.0", true},
	} {
		r := receiverAt(backup.WebhookReceiver, "https://"+c.host+port)
		r.Private = c.private
		cfg := config(r)
		cfg.Loopback = false
		if _, err := New(cfg); (err == nil) != (c.host == "localhost") {
			t.Errorf("%s, private %v, at the start: %v", c.host, c.private, err)
		}
		// A host name may resolve to such an address, so the address must be refused too.
		to, err := netip.ParseAddr(strings.Trim(c.host, "[]"))
		if err == nil && (destinations{private: c.private}).allows(to) {
			t.Errorf("%s, private %v: allowed", c.host, c.private)
		}
		if c.host != "localhost" {
			continue
		}
		err = newSender(t, cfg).Send(t.Context(), notice(backup.EventFailed))
		if err == nil || !strings.Contains(err.Error(), errNotAllowed.Error()) {
			t.Errorf("%s, private %v: %v", c.host, c.private, err)
		}
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
	if err := newSender(t, config(receiverAt(backup.WebhookReceiver, "http://localhost"+port))).Send(t.Context(), notice(backup.EventFailed)); err != nil {
		t.Errorf("by its name, where loopback is allowed: %v", err)
	}
}
