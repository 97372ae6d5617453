package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// validity is how long the certificates are valid. It is short, because a person may have added the
// authority to the trusted authorities of a browser.
const validity = 30 * 24 * time.Hour

// secure creates a certificate authority, writes its certificate as PEM to path, and returns a
// listener that serves TLS on ln. An empty path means a new temporary file. written is the path of
// the file. The private key of the authority is not kept, so it can issue no further certificates.
func secure(ln net.Listener, path string) (written string, secured net.Listener, err error) {
	authority, leaf, err := issue(ln.Addr())
	if err != nil {
		return "", nil, err
	}
	if written, err = writeAuthority(path, authority); err != nil {
		return "", nil, fmt.Errorf("-ca-file: %w", err)
	}
	// HTTP/1.1 only: a fault such as drop closes the connection, and with HTTP/2 other requests would use the same one.
	cfg := &tls.Config{
		Certificates: []tls.Certificate{leaf}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
	}
	return written, tls.NewListener(ln, cfg), nil
}

// issue returns the certificate of a new authority in DER form, and a server certificate that the
// authority has signed. The server certificate is for 127.0.0.1, ::1, localhost and the IP address
// of addr, unless addr is a wildcard such as 0.0.0.0.
func issue(addr net.Addr) (authority []byte, leaf tls.Certificate, err error) {
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "emulator's certificate authority"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validity),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "emulator"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsUnspecified() {
		server.IPAddresses = append(server.IPAddresses, tcp.IP)
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, leaf, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, leaf, err
	}
	authority, errCA := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	signed, errLeaf := x509.CreateCertificate(rand.Reader, server, ca, &key.PublicKey, caKey)
	leaf = tls.Certificate{Certificate: [][]byte{signed, authority}, PrivateKey: key}
	return authority, leaf, errors.Join(errCA, errLeaf)
}

// writeAuthority writes a certificate as PEM to path, and returns the path. It replaces an existing
// file. An empty path means a new temporary file.
func writeAuthority(path string, der []byte) (string, error) {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if path != "" {
		return path, os.WriteFile(path, text, 0o644)
	}
	f, err := os.CreateTemp("", "emulator-ca-*.pem")
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	return f.Name(), errors.Join(err, f.Close())
}
