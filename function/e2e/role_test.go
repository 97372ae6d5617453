package e2e

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/draft"
	"backupportal/function/emulator"
	"backupportal/function/event"
	"backupportal/function/event/envelope"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/postgrestest"
	"backupportal/function/store/storetest"
)

// TestDocumentedDatabaseRoleIsSufficient proves that the permissions in docs/role.sql are sufficient for the
// portal's database role, and that they do not permit the role to change the step log or the audit trail.
func TestDocumentedDatabaseRoleIsSufficient(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	owner := server.URL("postgres")
	if out, code := runProgram(t, []string{"DATABASE_URL", owner}, "migrate"); code != 0 {
		t.Fatalf("migrate: exit code %d, %s", code, out)
	}
	manual, err := os.ReadFile("../../docs/role.sql")
	if err != nil {
		t.Fatal(err)
	}
	statements := regexp.MustCompile(`(?m)^(?:CREATE ROLE|GRANT) .*?;`).FindAllString(string(manual), -1)
	if len(statements) < 8 {
		t.Fatalf("%d statements in docs/role.sql", len(statements))
	}
	postgrestest.Exec(t, owner, statements...)
	url := strings.Replace(owner, "postgres@", "backup_portal@", 1)

	cloud, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := httptest.NewServer(cloud)
	t.Cleanup(endpoint.Close)
	p := connect(t, endpoint.URL, t.Output(), "DATABASE_URL", url)
	sub := backup.Submission{
		Door: backup.DoorEvent, Principal: identity.Principal{Kind: identity.KindEvent, Subject: "event:direct"}, Key: "k",
		Params: param.Params{"Account": "demo", "Region": "cn-hangzhou", "InstanceId": "i-bp1demoweb01", "Retention": "7"},
	}
	var answer backup.Answer
	err = whileUnavailable(func() (err error) {
		answer, err = p.Service.Submit(t.Context(), sub)
		return err
	})
	if err != nil || answer.Status != backup.StateCreated {
		t.Fatalf("submitting: %s, %v", answer.Status, err)
	}
	for name, use := range map[string]func() error{
		"counting a request": func() error { return p.Service.CountRequest(t.Context(), sub.Principal) },
		"cancelling": func() error {
			_, err := p.Service.Cancel(t.Context(), sub.Principal, answer.SubmissionID)
			return err
		},
		"sweeping": func() error {
			_, err := p.Handlers.Submit(t.Context(), event.Message{Kind: envelope.Timer, Payload: []byte(`{"sweep":true}`)})
			return err
		},
	} {
		if err := whileUnavailable(use); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	db, err := store.Open(store.Config{URL: secret.New(url), StatementTime: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	now := time.Now()
	grant := backup.Grant{
		Rule: "r", Cooldown: time.Hour, Rates: []backup.Rate{{Key: "a:demo", Burst: 9, Per: time.Hour}}, Quotas: []backup.Quota{{Key: "t:demo", Day: 9}},
	}
	if err := db.SetResourceName(t.Context(), answer.SubmissionID, "web01"); err != nil {
		t.Errorf("storing the name of an instance: %v", err)
	}
	limit, err := db.Reserve(t.Context(), backup.Reservation{Key: "k", Grant: grant, Resource: "1/i", Now: now})
	if err != nil || limit != nil {
		t.Errorf("reserving: %v, %v", limit, err)
	}
	if err := db.Revoke(t.Context(), "session", now.Add(time.Hour), now); err != nil {
		t.Errorf("ending a session: %v", err)
	}
	typed := draft.Draft{ID: "d", Owner: "o", Page: "p", Values: map[string]string{"Retention": "77"}, SavedAt: now}
	if err := db.SaveDraft(t.Context(), typed); err != nil {
		t.Errorf("saving a draft: %v", err)
	}
	if err := db.SubmitDraft(t.Context(), "o", "d", answer.SubmissionID); err != nil {
		t.Errorf("submitting a draft: %v", err)
	}
	if _, err := db.FindDraft(t.Context(), "o", "d", now.Add(-draft.Life)); err != nil {
		t.Errorf("finding a draft: %v", err)
	}
	many := batch.Request{
		Door: backup.DoorAPI, Principal: sub.Principal, Key: "many", Common: sub.Params, Targets: []param.Params{{"InstanceId": "i-bp1demoweb02"}},
	}
	made, _, err := p.Batches.Create(t.Context(), many)
	if err != nil {
		t.Errorf("creating a batch: %v", err)
	}
	if _, err := p.Batches.Run(t.Context(), made.ID); err != nil {
		t.Errorf("carrying out a batch: %v", err)
	}
	if made, err = p.Batches.Cancel(t.Context(), sub.Principal, made.ID); err != nil || made.Counts[batch.ItemWaiting] > 0 {
		t.Errorf("cancelling a batch: %+v, %v", made, err)
	}
	if _, err := db.ForgetBatches(t.Context(), now.AddDate(1, 0, 0), 10); err != nil {
		t.Errorf("forgetting batches: %v", err)
	}
	if err := db.ForgetLimits(t.Context(), now.AddDate(0, 0, 30)); err != nil {
		t.Errorf("forgetting limits: %v", err)
	}
	if _, err := db.Forget(t.Context(), now.AddDate(1, 0, 0), now.AddDate(1, 0, 0), 10); err != nil {
		t.Errorf("forgetting submissions: %v", err)
	}
	for _, table := range []string{"audit", "submission_step"} {
		for _, change := range []string{"UPDATE %s SET %s = 'x'", "DELETE FROM %s WHERE %s <> ''"} {
			column := map[string]string{"audit": "body", "submission_step": "owner"}[table]
			if err := storetest.Exec(url, fmt.Sprintf(change, table, column)); err == nil || !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("the portal may change %s: %v", table, err)
			}
		}
	}
}

// whileUnavailable calls use until the store is available, for at most [patience], and returns
// the last error. On a busy machine a statement can take longer than its time limit of 5
// seconds.
func whileUnavailable(use func() error) error {
	for began := time.Now(); ; {
		err := use()
		if !errors.Is(err, backup.ErrStoreUnavailable) || time.Since(began) > patience {
			return err
		}
	}
}
