// Package smtptest is an SMTP server for tests.
//
// It speaks SMTP (RFC 5321) with STARTTLS or TLS from the
// first byte, and AUTH PLAIN, over real connections on loopback.
package smtptest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/http/httptest"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A Letter is an e-mail that a server has accepted.
type Letter struct {
	From string
	To   []string
	Text string // headers and body, with LF at the ends of lines
	User string // who signed in
}

// A Server is a mail server. [New] starts one.
type Server struct {
	Port  int            // on 127.0.0.1, for which its certificate is valid
	Roots *x509.CertPool // to trust its certificate

	config Config
	tls    *tls.Config

	mu       sync.Mutex
	refuse   func(command string) string
	letters  []Letter
	commands []string
}

// Config configures a [Server].
type Config struct {
	Implicit       bool   // TLS from the first byte
	NoTLS          bool   // STARTTLS is not offered
	User, Password string // required for a message unless they are empty
	Mechanisms     string // that the server offers; default: PLAIN
}

// New starts a server, which stops at the end of the test.
func New(t testing.TB, config Config) *Server {
	t.Helper()
	certificate := httptest.NewTLSServer(nil) // has a certificate of its own authority for 127.0.0.1
	certificate.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{
		Port: listener.Addr().(*net.TCPAddr).Port, Roots: x509.NewCertPool(), config: config,
		tls: &tls.Config{Certificates: certificate.TLS.Certificates, MinVersion: tls.VersionTLS12},
	}
	s.Roots.AddCert(certificate.Certificate())
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			all.Go(func() {
				defer conn.Close()
				s.serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return s
}

// Refuse sets a function that gets each command, and "." at the end of a message. Its result is the
// answer unless it is empty. Nil accepts everything.
func (s *Server) Refuse(f func(command string) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = f
}

// Letters returns the e-mails that the server has accepted.
func (s *Server) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.letters)
}

// Commands returns all commands that the server has received, without the arguments of AUTH.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// A session is one connection to a server.
type session struct {
	*Server
	conn      net.Conn
	text      *textproto.Conn
	encrypted bool
	user      string
	from      string
	to        []string
}

// serve answers the commands of a connection.
func (s *Server) serve(conn net.Conn) {
	if s.config.Implicit {
		conn = tls.Server(conn, s.tls)
	}
	c := &session{Server: s, conn: conn, text: textproto.NewConn(conn), encrypted: s.config.Implicit}
	c.text.PrintfLine("220 mail.test ESMTP")
	for {
		command, err := c.text.ReadLine()
		if err != nil {
			return
		}
		if !c.answer(command) {
			return
		}
	}
}

// answer answers a command. It returns false after the last one of a connection.
func (c *session) answer(command string) bool {
	verb := strings.ToUpper(strings.SplitN(command, " ", 2)[0])
	known := command
	if verb == "AUTH" {
		known = strings.Join(strings.Fields(command)[:2], " ")
	}
	if refusal := c.note(known); refusal != "" {
		c.text.PrintfLine("%s", refusal)
		return true
	}
	switch verb {
	case "EHLO", "HELO":
		c.text.PrintfLine("250-mail.test\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME%s\r\n250 SIZE 1000000", c.extensions())
	case "STARTTLS":
		c.text.PrintfLine("220 go ahead")
		c.conn = tls.Server(c.conn, c.tls)
		c.text, c.encrypted = textproto.NewConn(c.conn), true
	case "AUTH":
		c.signIn(command)
	case "MAIL":
		if c.config.User != "" && c.user == "" {
			c.text.PrintfLine("530 5.7.0 sign in first")
			return true
		}
		c.from, c.to = between(command), nil
		c.text.PrintfLine("250 ok")
	case "RCPT":
		c.to = append(c.to, between(command))
		c.text.PrintfLine("250 ok")
	case "DATA":
		c.text.PrintfLine("354 end with a dot")
		return c.message()
	case "QUIT":
		c.text.PrintfLine("221 bye")
		return false
	default:
		c.text.PrintfLine("250 ok")
	}
	return true
}

// note records a command and returns its refusal.
func (c *session) note(command string) string {
	c.mu.Lock()
	refuse := c.refuse
	c.commands = append(c.commands, command)
	c.mu.Unlock()
	if refuse == nil {
		return ""
	}
	return refuse(command)
}

// extensions returns the lines of the answer to EHLO for STARTTLS and AUTH.
func (c *session) extensions() (lines string) {
	if !c.encrypted && !c.config.NoTLS {
		lines += "\r\n250-STARTTLS"
	}
	if c.encrypted && c.config.User != "" {
		mechanisms := c.config.Mechanisms
		if mechanisms == "" {
			mechanisms = "PLAIN"
		}
		lines += "\r\n250-AUTH " + mechanisms
	}
	return lines
}

// signIn answers AUTH PLAIN with its initial response.
func (c *session) signIn(command string) {
	words := strings.Fields(command)
	answer, err := base64.StdEncoding.DecodeString(words[len(words)-1])
	parts := strings.Split(string(answer), "\x00")
	if err != nil || len(parts) != 3 || parts[1] != c.config.User || parts[2] != c.config.Password || !c.encrypted {
		c.text.PrintfLine("535 5.7.8 canary says no")
		return
	}
	c.user = parts[1]
	c.text.PrintfLine("235 welcome")
}

// message reads the text of an e-mail and accepts it, unless it is refused.
func (c *session) message() bool {
	text, err := c.text.ReadDotBytes()
	if err != nil {
		return false
	}
	if refusal := c.note("."); refusal != "" {
		c.text.PrintfLine("%s", refusal)
		return true
	}
	c.mu.Lock()
	c.letters = append(c.letters, Letter{From: c.from, To: c.to, Text: string(text), User: c.user})
	c.mu.Unlock()
	c.text.PrintfLine("250 accepted")
	return true
}

// between returns what stands between < and > in a command.
func between(command string) string {
	_, rest, _ := strings.Cut(command, "<")
	address, _, _ := strings.Cut(rest, ">")
	return address
}

// Parse returns the headers of an e-mail and its body as it was sent.
func (l Letter) Parse(t testing.TB) (textproto.MIMEHeader, string) {
	t.Helper()
	r := textproto.NewReader(bufio.NewReader(strings.NewReader(strings.ReplaceAll(l.Text, "\n", "\r\n"))))
	header, err := r.ReadMIMEHeader()
	if err != nil {
		t.Fatalf("%v in %s", err, l.Text)
	}
	_, body, _ := strings.Cut(l.Text, "\n\n")
	return header, body
}
