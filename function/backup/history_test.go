package backup_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/store"
)

// deniedSubmission returns a submission that the demo policy refuses.
func deniedSubmission(key string) backup.Submission {
	sub := submission(key)
	sub.Params["Retention"] = "3650"
	return sub
}

func TestRefusalByThePolicyIsInTheHistory(t *testing.T) {
	r := newFixture(t)
	alice, bob := submission("").Principal, identity.Principal{Kind: identity.KindHuman, Issuer: "https://test.example", Groups: []string{"testers"}, Subject: "bob"}
	_, err := r.Submit(t.Context(), deniedSubmission("k"))
	refused, ok := errors.AsType[*backup.DeniedError](err)
	if !ok || refused.SubmissionID == "" {
		t.Fatalf("got %v", err)
	}
	if _, err := r.Submit(t.Context(), deniedSubmission("k")); err == nil {
		t.Error("the repeat was not refused")
	}
	page, err := r.List(t.Context(), bob, backup.Query{Limit: 10})
	records := page.Records
	if err != nil || len(records) != 1 || records[0].State(r.Now()) != backup.StateDenied || !strings.Contains(records[0].Denied[0].En, "365") {
		t.Fatalf("bob sees %+v, %v", records, err)
	}
	if records[0].SubmissionID != refused.SubmissionID || records[0].Denied[0].Zh == "" || records[0].JobName != "portal" {
		t.Errorf("got %+v", records[0])
	}
	// Only its sender can view a refusal for an account that no rule names.
	sub := deniedSubmission("l")
	sub.Params["Account"] = "nobody"
	_, err = r.Submit(t.Context(), sub)
	if refused, ok = errors.AsType[*backup.DeniedError](err); !ok {
		t.Fatalf("got %v", err)
	}
	if _, err := r.Refresh(t.Context(), alice, refused.SubmissionID); err != nil {
		t.Errorf("alice: %v", err)
	}
	if _, err := r.Refresh(t.Context(), bob, refused.SubmissionID); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("bob: %v", err)
	}
	if calls := r.cloud.Ledger().Calls; len(calls) != 0 {
		t.Errorf("the cloud got %v", calls)
	}
}

// TestRefusalHidesTheAnswerOfAnotherSubmission proves that a refused submission with the key of
// an earlier, different submission is told about the refusal only, and not the other one's
// answer.
func TestRefusalHidesTheAnswerOfAnotherSubmission(t *testing.T) {
	r := newFixture(t)
	r.submit(t, submission("k"))
	if answer, err := r.Submit(t.Context(), deniedSubmission("k")); !errors.Is(err, backup.ErrDenied) || answer.SubmissionID != "" {
		t.Errorf("got %+v, %v", answer, err)
	}
}

// TestRefusalByThePolicyLeavesItsKeyFree proves that a submission that the policy refused can
// be sent again with the same key after the policy allows it.
func TestRefusalByThePolicyLeavesItsKeyFree(t *testing.T) {
	r := newFixture(t)
	strict := r.Policy
	r.Policy = refusingPolicy{strict}
	if _, err := r.Submit(t.Context(), submission("k")); !errors.Is(err, backup.ErrDenied) {
		t.Fatalf("got %v", err)
	}
	r.Policy = strict
	if answer, err := r.Submit(t.Context(), submission("k")); err != nil || answer.Status != backup.StateCreated || answer.Replayed {
		t.Errorf("got %+v, %v", answer, err)
	}
}

// refusingPolicy refuses every submission.
type refusingPolicy struct{ backup.Policy }

func (refusingPolicy) Decide(context.Context, identity.Principal, param.Params) (backup.Grant, []param.Mistake) {
	return backup.Grant{}, []param.Mistake{{Code: "policy", Text: param.Text{En: "no", Zh: "不"}}}
}

func TestUnrecordedRefusalIsStillReturned(t *testing.T) {
	r := newFixtureOn(t, sqliteFile(t))
	r.Store.(*store.DB).Close()
	_, err := r.Submit(t.Context(), deniedSubmission("k"))
	if refused, ok := errors.AsType[*backup.DeniedError](err); !ok || refused.SubmissionID != "" {
		t.Errorf("got %v", err)
	}
}

func TestNoSendWithoutStore(t *testing.T) {
	r := newFixtureOn(t, sqliteFile(t))
	r.Store.(*store.DB).Close()
	if _, err := r.Submit(t.Context(), submission("k")); !errors.Is(err, backup.ErrStoreUnavailable) {
		t.Errorf("got %v", err)
	}
	if calls := r.cloud.Ledger().Calls; len(calls) != 0 {
		t.Errorf("the cloud got %v", calls)
	}
}

func TestRepeatedAnswerIgnoresJobProgress(t *testing.T) {
	r := newFixture(t)
	first, err := r.Submit(t.Context(), submission("k"))
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Add(time.Minute)
	if record, err := r.Refresh(t.Context(), submission("").Principal, first.SubmissionID); err != nil || record.Job.Status != backup.StateComplete {
		t.Fatalf("%+v, %v", record.Job, err)
	}
	again, err := r.Submit(t.Context(), submission("k"))
	if err != nil || again.Status != first.Status || again.Last.RequestID != first.Last.RequestID || again.Job != (backup.Job{}) || !again.Replayed {
		t.Errorf("first %+v, again %+v, %v", first, again, err)
	}
}

// TestExpiredKeyMakesANewJob proves that the same key starts a new job after a week. Only the
// portal's clock is advanced: the SDK signs requests with the machine's clock, which must agree
// with the cloud's.
func TestExpiredKeyMakesANewJob(t *testing.T) {
	for _, listFirst := range []bool{false, true} {
		t.Run(fmt.Sprint("list first ", listFirst), func(t *testing.T) {
			r := newFixture(t)
			r.ListFirst = func() bool { return listFirst }
			first, err := r.Submit(t.Context(), submission("k"))
			if err != nil {
				t.Fatal(err)
			}
			now := r.Now
			for _, c := range []struct {
				age  time.Duration
				jobs int
			}{{backup.KeyExpires - time.Millisecond, 1}, {backup.KeyExpires, 2}, {backup.KeyExpires + time.Hour, 2}} {
				r.Now = func() time.Time { return now().Add(c.age) }
				r.Cloud = r.client(t, r.Now)
				answer, err := r.Submit(t.Context(), submission("k"))
				if err != nil || answer.Status != backup.StateCreated || r.jobs() != c.jobs || (answer.SubmissionID == first.SubmissionID) != (c.jobs == 1) {
					t.Errorf("after %v: %+v, %v, %d jobs", c.age, answer, err, r.jobs())
				}
				jobs := r.cloud.Ledger().Jobs
				if name := jobs[len(jobs)-1].Name; name != answer.JobName || strings.HasSuffix(name, "-2") != (c.jobs == 2) {
					t.Errorf("after %v: the job is named %q, and the answer says %q", c.age, name, answer.JobName)
				}
			}
		})
	}
}

// TestPageFindsWhatIsFarBehind proves that a page of the history shows an old record that its
// reader may see, even if many newer ones are hidden from this reader.
func TestPageFindsWhatIsFarBehind(t *testing.T) {
	r := newFixture(t)
	for i := range 230 {
		sub := submission(fmt.Sprint("k", i))
		if i > 0 {
			sub.Params["InstanceId"] = "i-bp1demoweb02"
		}
		record := backup.Record{
			Submission: sub, SubmissionID: sub.ID(), Complete: sub.Params,
			CreatedAt: r.Now().Add(time.Duration(i) * time.Second), ExpiresAt: r.Now().Add(time.Hour),
		}
		if _, _, err := r.Store.Claim(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	r.Policy = oneInstancePolicy{r.Policy, "i-bp1demoweb01"}
	page, err := r.List(t.Context(), bob, backup.Query{Limit: 1})
	if err != nil || len(page.Records) != 1 || page.Rest != nil {
		t.Errorf("%d records, rest %v, %v", len(page.Records), page.Rest, err)
	}
}

func TestListLeavesOutWhatItsReaderMayNotSee(t *testing.T) {
	r := newFixture(t)
	visible := r.Policy
	r.Policy = oneInstancePolicy{visible, "i-bp1demoweb02"}
	for i := range 40 {
		sub := submission(fmt.Sprint("k", i))
		sub.Params["InstanceId"] = fmt.Sprint("i-bp1demoweb0", 1+i%2)
		if _, err := r.Submit(t.Context(), sub); err != nil {
			t.Fatal(err)
		}
		r.clock.Add(time.Second)
	}
	var seen []backup.Record
	q := backup.Query{Limit: 6}
	for _, want := range []int{6, 6, 6, 2} {
		page, err := r.List(t.Context(), submission("").Principal, q)
		if err != nil || len(page.Records) != want || (page.Rest == nil) != (want == 2) {
			t.Fatalf("%d records, want %d (error %v, rest %v)", len(page.Records), want, err, page.Rest)
		}
		seen = append(seen, page.Records...)
		q.Before = page.Rest
	}
	for i, record := range seen {
		if record.Resource() != "i-bp1demoweb02" || i > 0 && !record.CreatedAt.Before(seen[i-1].CreatedAt) {
			t.Errorf("record %d is %s of %v", i, record.Resource(), record.CreatedAt)
		}
	}
	place := seen[12].Place()
	newer, err := r.List(t.Context(), submission("").Principal, backup.Query{After: &place, Limit: 6})
	back := newer.Records
	if err != nil || newer.Rest == nil || *newer.Rest != back[0].Place() || len(back) != 6 || back[0].SubmissionID != seen[6].SubmissionID || back[5].SubmissionID != seen[11].SubmissionID {
		t.Errorf("the page before begins with %d records, %v", len(back), err)
	}
}

// oneInstancePolicy allows everything for one instance and nothing for others.
type oneInstancePolicy struct {
	backup.Policy
	instance string
}

func (p oneInstancePolicy) May(_ context.Context, _ identity.Principal, _ backup.Action, complete param.Params) bool {
	return complete["InstanceId"] == p.instance
}
