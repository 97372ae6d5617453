package templates_test

import (
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/terraform"
	"backupportal/templates"
)

// targets returns a list of targets.
func (s sampler) targets(origin templates.Origin) templates.TargetSet {
	set := templates.TargetSet{ID: "T1", Origin: origin, Tag: s.put("stage=prod"), At: s.now.Add(-time.Minute)}
	for _, name := range []string{"web01", "web02", ""} {
		row := templates.TargetRow{Params: param.Params{"Account": s.put("payments"), "Region": "cn-hangzhou", "InstanceId": s.put("i-1")}, Name: name}
		if name != "" {
			row.Name = s.put(name)
		}
		if origin == templates.OriginPlan {
			row.Place = s.text("module.m.alicloud_instance.a", "module.m.alicloud_instance.a")
		}
		set.Rows = append(set.Rows, row)
	}
	if origin == templates.OriginTag {
		set.Missing = []string{s.put("locked")}
	}
	return set
}

// batchCheck is the check page of a batch with targets in all states.
func (s sampler) batchCheck() templates.BatchCheckPage {
	running := s.row(backup.StateRunning)
	row := s.targets(templates.OriginTicks).Rows[0]
	return templates.BatchCheckPage{
		Shell: s.shell("/drafts/D1/check"), Set: s.targets(templates.OriginTag), Source: param.UDMECS, Draft: "/drafts/D1", Form: "/drafts/D1?page=P1",
		Common:  param.Params{"Retention": "30", "Detail.destinationRegionId": "cn-shanghai", "Detail.appConsistent": "true"},
		Values:  templates.Values{"Concurrency": "5", "MaxErrors": s.put("3"), "AfterFirst": "pause", "Rate": s.put("30/m")},
		Allowed: []templates.CheckedTarget{{TargetRow: row, N: 0}}, Median: 30 * time.Minute, Old: true, Limit: 100,
		Refused: []templates.CheckedTarget{{TargetRow: row, N: 1, Denied: s.mistakes("Retention")}, {TargetRow: row, N: 2, Unknown: true}},
		Running: []templates.CheckedTarget{{TargetRow: row, N: 3, Running: &running}},
	}
}

// batchPage is the page of a batch in a state.
func (s sampler) batchPage(state batch.State, pause batch.Pause) templates.BatchPage {
	row := s.row(backup.StateRunning)
	row.Record.ResourceName = s.put("web01")
	params := param.Params{"Account": s.put("payments"), "Region": "cn-hangzhou", "InstanceId": s.put("i-1")}
	page := templates.BatchPage{
		Shell: s.shell("/batches/b1"),
		Batch: batch.Batch{
			ID: "b1", Principal: identity.Principal{Name: s.put("alice")}, Common: param.Params{"Reason": s.put("release"), "Ticket": s.put("CHG-1")},
			Options: batch.Options{Concurrency: 5, MaxErrors: "3"}, Total: 43, State: state, Pause: pause, ChangedBy: s.put("bob"),
			Counts:    batch.Counts{batch.ItemFailed: 2, batch.ItemPartial: 1, batch.ItemRunning: 5, batch.ItemWaiting: 16, batch.ItemSucceeded: 19},
			CreatedAt: s.now.Add(-time.Hour),
		},
		Failed: []templates.BatchItem{{Item: batch.Item{Params: params, State: batch.ItemFailed, Attempts: 3, Reasons: []param.Text{s.text("Too many requests.", "请求过多。")}}}},
		Busy:   []templates.BatchItem{{Item: batch.Item{N: 1, Params: params, State: batch.ItemRunning, SubmissionID: "k7v2"}, Row: &row}},
	}
	if state == batch.StateEnded || state == batch.StateCancelled {
		page.Batch.Counts = batch.Counts{batch.ItemSucceeded: 40, batch.ItemSkipped: 1, batch.ItemRefused: 2}
		page.Batch.EndedAt, page.Busy = s.now, nil
	} else {
		page.Every = 5 * time.Second
	}
	return page
}

// batches returns the pages of batches.
func (s sampler) batches() []sample {
	chosen := templates.NewBatchPage{Shell: s.shell("/batches/new"), Accounts: s.accounts(), Origin: templates.OriginText, Text: s.put("web01"), Tag: s.put("a=b")}
	all := []sample{{"batch-new", templates.NewBatch(chosen)}}
	for _, origin := range []templates.Origin{templates.OriginText, templates.OriginTag, templates.OriginPlan} {
		wrong := chosen
		wrong.Origin, wrong.Problems = origin, []string{s.put("Line 1, column 1: wrong")}
		all = append(all, sample{"batch-new-wrong-" + string(origin), templates.NewBatch(wrong)})
		form := s.form(param.UDMECS, nil)
		set := s.targets(origin)
		form.Targets, form.Kinds = &set, map[param.SourceType]bool{param.UDMECS: true, param.ECSFile: true}
		all = append(all, sample{"batch-form-" + string(origin), templates.Form(form)})
	}
	wrong, none := s.batchCheck(), s.batchCheck()
	wrong.Mistakes = []param.Mistake{{Field: "Concurrency", Text: s.text("wrong", "错误")}}
	none.Allowed, none.Running = nil, nil
	all = append(all,
		sample{"batch-check", templates.BatchCheck(s.batchCheck())},
		sample{"batch-check-wrong", templates.BatchCheck(wrong)},
		sample{"batch-check-none", templates.BatchCheck(none)},
		sample{"batch-running", templates.BatchStatus(s.batchPage(batch.StateRunning, batch.PauseNone))},
		sample{"batch-ended", templates.BatchStatus(s.batchPage(batch.StateEnded, batch.PauseNone))},
		sample{"batch-cancelled", templates.BatchStatus(s.batchPage(batch.StateCancelled, batch.PauseNone))},
		sample{"batch-cancel", templates.CancelBatch(s.batchPage(batch.StateRunning, batch.PauseNone))},
		sample{"batches", templates.Batches(templates.BatchesPage{Shell: s.shell("/batches"), Batches: []batch.Batch{s.batchPage(batch.StateEnded, "").Batch}})},
		sample{"batches-empty", templates.Batches(templates.BatchesPage{Shell: s.shell("/batches")})},
	)
	for _, pause := range []batch.Pause{batch.PausePerson, batch.PauseFirst, batch.PauseErrors} {
		all = append(all, sample{"batch-paused-" + string(pause), templates.BatchStatus(s.batchPage(batch.StatePaused, pause))})
	}
	items := s.batchPage(batch.StateRunning, batch.PauseNone)
	items.All, items.Next = append(items.Failed, items.Busy...), "/batches/b1?show=all&after=1"
	return append(all, sample{"batch-items", templates.BatchItems(items)})
}

// TestPageOfBatch proves that the page of a batch shows failures first, then the speed and the remaining time, and
// that its buttons fit the state of the batch.
func TestPageOfBatch(t *testing.T) {
	s := newSampler(same)
	doc := draw(t, templates.BatchStatus(s.batchPage(batch.StateRunning, batch.PauseNone)), param.English)
	text := strings.Join(strings.Fields(doc.Find("#live").Text()), " ")
	for _, want := range []string{"22 of 43", "failed2", "running5", "waiting16", "complete19", "0.3 a minute", "5 at a time", "pauses when more than 3 fail", "It was tried 3 times.", "web01"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q: %s", want, text)
		}
	}
	// 20 of 43 backups in an hour: 21 more take 63 minutes.
	if !strings.Contains(text, "About 63 minutes left, until 18:09") {
		t.Errorf("the time left: %s", text)
	}
	if first := attr(doc.Find("#live section").Eq(1).Find("h2"), "id"); first != "failed" {
		t.Errorf("the first list is %q", first)
	}
	for state, want := range map[batch.State]string{batch.StateRunning: "pause cancel retry", batch.StatePaused: "resume cancel retry", batch.StateEnded: "retry again", batch.StateCancelled: "retry again"} {
		var ids []string
		for _, one := range draw(t, templates.BatchStatus(s.batchPage(state, batch.PauseNone)), param.English).Find(".actions [id]").EachIter() {
			ids = append(ids, attr(one, "id"))
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s: the buttons are %s, want %s", state, got, want)
		}
	}
}

// TestCheckPageOfBatch proves that the check page says which targets will not be started and why, and that the
// form to start the batch has their numbers.
func TestCheckPageOfBatch(t *testing.T) {
	page := newSampler(same).batchCheck()
	doc := draw(t, templates.BatchCheck(page), param.English)
	if got := attr(doc.Find("[name=skip]"), "value"); got != "1,2,3" || len(page.Skip()) != 3 {
		t.Errorf("skipped: %q", got)
	}
	text := strings.Join(strings.Fields(doc.Find("main").Text()), " ")
	for _, want := range []string{
		"Ready to start 1 of 3", "About 30 minutes. Nothing has been started yet.", "application-consistent", "kept 30 days", "copied to China (Shanghai)",
		"There is no such machine in this region.", "Make the list again", "the machines of locked could not be listed", "42% · It is not started a second time.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q: %s", want, text)
		}
	}
}

// TestPlanProblemsHaveSentences proves that each reason why a Terraform plan cannot be used has a sentence in both
// languages.
func TestPlanProblemsHaveSentences(t *testing.T) {
	for _, kind := range []terraform.Kind{
		terraform.Empty, terraform.TooLong, terraform.Binary, terraform.Printed, terraform.Stream, terraform.State, terraform.BadJSON,
		terraform.NoPlan, terraform.BadVersion, terraform.Errored, terraform.NoID, terraform.NoInstance,
	} {
		for _, l := range languages {
			text := templates.PlanProblem(templates.WithLanguage(t.Context(), l), &terraform.SyntaxError{Kind: kind, Line: 3, Column: 4, Detail: "X"})
			if len(text) < 30 || strings.Contains(text, "%!") {
				t.Errorf("%s in %s: %q", kind, l, text)
			}
		}
	}
}
