package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"backupportal/function/backup"
)

// mail sends a message to an [backup.Email] receiver: one e-mail to all its recipients. The error
// is [backup.ErrUndeliverable] if the server refused the sender, a recipient or the text for
// good: with a code of 500 or more, except 530 (a sign-in is required). If it refused only some of
// the recipients for good, the others have the message. If it refuses a recipient for now, none has
// it, so that a repeat sends it to each of them once.
func (s *Sender) mail(ctx context.Context, r receiver, n backup.Notice) error {
	letter, err := s.letter(r, n)
	if err != nil {
		return fmt.Errorf("writing the message: %w", err)
	}
	return r.session(ctx, func(server *smtp.Client) error { return transfer(server, r.Mail, letter) })
}

// letter writes a message as an e-mail in plain text. It is the same for every attempt, also its
// Message-ID, so that a repeat can be recognised.
func (s *Sender) letter(r receiver, n backup.Notice) (*mail.Msg, error) {
	m := s.message(r, n)
	text := m.title + "\n"
	for _, line := range m.lines {
		text += "\n" + line.label + m.colon + line.value
	}
	if m.link != "" {
		text += "\n\n" + m.open + m.colon + m.link
	}
	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	letter.SetMessageIDWithValue(n.ID() + "@" + domainOf(r.Mail.From))
	letter.SetDateWithValue(n.At.In(s.cfg.Zone))
	letter.Subject(m.title + m.colon + m.lines[0].value)
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	letter.SetBodyString(mail.TypeTextPlain, text+"\n")
	return letter, errors.Join(letter.FromFormat(wordPortal.In(r.Language), r.Mail.From), letter.To(r.Mail.To...))
}

// domainOf returns the part of an e-mail address after the @.
func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// transfer sends an e-mail over a session. See [Sender.mail] for its errors.
func transfer(server *smtp.Client, to backup.Mail, letter *mail.Msg) error {
	if err := server.Mail("<" + to.From + ">"); err != nil {
		return answered("the sender", err)
	}
	var refused error
	accepted := 0
	for i, recipient := range to.To {
		err := server.Rcpt("<" + recipient + ">")
		if err == nil {
			accepted++
			continue
		}
		err = answered(fmt.Sprintf("recipient %d of %d", i+1, len(to.To)), err)
		if !errors.Is(err, backup.ErrUndeliverable) {
			return err
		}
		refused = err
	}
	if accepted == 0 {
		return refused
	}
	text, err := server.Data()
	if err != nil {
		return answered("the message", err)
	}
	if _, err := letter.WriteTo(text); err != nil {
		return networkError(err)
	}
	if err := text.Close(); err != nil {
		return answered("the message", err)
	}
	return refused
}

// answered describes why a server did not accept something: its code, or an error of the network.
// The text of the server is left out, since it may contain anything.
func answered(what string, err error) error {
	answer, ok := errors.AsType[*textproto.Error](err)
	switch {
	case !ok:
		return networkError(err)
	case answer.Code >= 500 && answer.Code != 530: // 530: the server requires a sign-in
		return fmt.Errorf("%w: the server answered %d for %s", backup.ErrUndeliverable, answer.Code, what)
	}
	return fmt.Errorf("the server answered %d for %s", answer.Code, what)
}

// session connects to the server of an [backup.Email] receiver with TLS, signs in if the receiver
// has a user, and calls do. It takes at most [sendTime]. Its own errors are never
// [backup.ErrUndeliverable].
func (r receiver) session(ctx context.Context, do func(*smtp.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	options := []mail.Option{
		mail.WithPort(r.Mail.Port),
		mail.WithTimeout(sendTime),
		mail.WithHELO(domainOf(r.Mail.From)),
		mail.WithTLSPolicy(mail.TLSMandatory),
		mail.WithTLSConfig(newTLS(r.Mail.Host, r.roots)),
		mail.WithDialContextFunc(func(_ context.Context, network, address string) (net.Conn, error) {
			conn, err := r.dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			context.AfterFunc(ctx, func() { conn.Close() }) // also after the last use: cancel runs at the end
			if !r.Mail.Implicit {
				return conn, nil
			}
			encrypted := tls.Client(conn, newTLS(r.Mail.Host, r.roots))
			return encrypted, encrypted.HandshakeContext(ctx)
		}),
	}
	if r.Mail.Implicit {
		options = append(options, mail.WithSSL())
	}
	if !r.Mail.User.IsZero() {
		options = append(options,
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin),
			mail.WithUsername(r.Mail.User.Reveal()), mail.WithPassword(r.Secret.Reveal()))
	}
	client, err := mail.NewClient(r.Mail.Host, options...)
	if err != nil {
		return errors.New("invalid settings of the mail server")
	}
	server, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return inTime(ctx, sessionError(err))
	}
	if err := do(server); err != nil {
		return inTime(ctx, err)
	}
	server.Quit() // the server has the message; it does not matter how it answers this
	return nil
}

// inTime returns errTimeout instead of errBroken if ctx has ended, because its end closes the
// connection.
func inTime(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, errBroken) {
		return errTimeout
	}
	return err
}

// Errors of the beginning of a session with a mail server.
var (
	errNoSTARTTLS = errors.New("the server does not offer STARTTLS: write tls: implicit in the policy if its port begins with TLS")
	errNoSignIn   = errors.New("the server offers no known way to sign in: it needs SCRAM-SHA-256, PLAIN or LOGIN")
)

// sessionError describes why a session with a mail server did not begin.
func sessionError(err error) error {
	answer, ok := errors.AsType[*textproto.Error](err)
	text := err.Error()
	switch {
	case ok && (answer.Code == 535 || answer.Code == 534):
		return fmt.Errorf("the server refused the user or the password (code %d)", answer.Code)
	case ok:
		return fmt.Errorf("the server answered %d before the message", answer.Code)
	case strings.Contains(text, "does not support STARTTLS"):
		return errNoSTARTTLS
	case strings.Contains(text, "does not support SMTP AUTH"), errors.Is(err, mail.ErrNoSupportedAuthDiscovered):
		return errNoSignIn
	}
	return networkError(err)
}
