package backup_test

import (
	"context"
	"errors"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/identity"
)

// A oneReceiver is a messenger with the receiver "hook". It counts messages.
type oneReceiver struct{ sent int }

func (m *oneReceiver) All() []string                             { return []string{"hook"} }
func (m *oneReceiver) Receivers(backup.Event, string) []string   { return nil }
func (m *oneReceiver) Takes(string, string) bool                 { return true }
func (m *oneReceiver) Send(context.Context, backup.Notice) error { m.sent++; return nil }

// TestTestsOfReceiversAreRecorded proves that the audit record of a test message is written before the message is
// sent, and that no message is sent if the record cannot be written.
func TestTestsOfReceiversAreRecorded(t *testing.T) {
	r, m := withAudit(t, newFixture(t)), &oneReceiver{}
	r.Messenger = m
	operator := identity.Principal{Kind: identity.KindHuman, Issuer: "demo", Subject: "demo", Name: "Olga"}
	if err := r.TestReceiver(t.Context(), operator, "hook"); err != nil || m.sent != 1 {
		t.Fatalf("%v, %d messages", err, m.sent)
	}
	found := false
	for _, one := range r.trail(t) {
		found = found || one.Event == backup.AuditReceiverTested && one.Target.Receiver == "hook" && one.Actor.Name == "Olga"
	}
	if !found {
		t.Error("the audit trail does not say who tested the receiver")
	}
	stranger := identity.Principal{Kind: identity.KindHuman, Issuer: "demo", Subject: "stranger"}
	if err := r.TestReceiver(t.Context(), stranger, "hook"); !errors.Is(err, backup.ErrNotFound) || m.sent != 1 {
		t.Errorf("a person who is no operator: %v, %d messages", err, m.sent)
	}
	r.Audit = noTrail{r.Audit}
	if err := r.TestReceiver(t.Context(), operator, "hook"); !errors.Is(err, backup.ErrStoreUnavailable) || m.sent != 1 {
		t.Errorf("without a record: %v, %d messages", err, m.sent)
	}
}

// A noTrail is an audit trail that cannot be written.
type noTrail struct{ backup.Auditor }

func (noTrail) Record(context.Context, backup.AuditEvent) error { return errors.New("disk full") }
