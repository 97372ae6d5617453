package templates_test

import (
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/templates"
)

// TestFinishedJobSaysHowToRestore proves that the page of a finished backup says where and how
// it can be restored, with commands in a collapsible part.
func TestFinishedJobSaysHowToRestore(t *testing.T) {
	point := &backup.RecoveryPoint{SnapshotID: "s-1", CreatedTime: time.Date(2026, 11, 23, 8, 58, 0, 0, time.UTC), ExpireTime: time.Date(2027, 2, 21, 8, 58, 0, 0, time.UTC)}
	doc := status(t, backup.StateComplete, func(p *templates.StatusPage) {
		p.Record.ResourceName, p.Record.AccountID, p.Record.Job.Point = "web01", "1589750000004625", point
		p.Restore = []backup.Preview{{Title: param.Both("To a new instance", "恢复为新实例"), Code: "aliyun hbr CreateRestoreJob --dryrun"}}
	})
	for label, want := range map[string]string{"Recovery point": "23 Nov 2026, 16:58 UTC+8 s-1", "Kept until": "21 February 2027", "Took": "9 min"} {
		if got := answer(doc, label); got != want {
			t.Errorf("%s: %q, want %q", label, got, want)
		}
	}
	card := doc.Find("[aria-labelledby=restore]").Text()
	for _, want := range []string{"payments (1589750000004625)", "cn-hangzhou", "web01 (i-bp1f4k0w2x9m7q3c8zsy)"} {
		if !strings.Contains(card, want) {
			t.Errorf("%q is missing in %q", want, card)
		}
	}
	if got := doc.Find("details pre").Text(); got != "aliyun hbr CreateRestoreJob --dryrun" || doc.Find("details[open]").Length() != 0 {
		t.Errorf("the command is %q", got)
	}
	if got := attr(doc.Find("[aria-labelledby=restore] .actions a").Last(), "href"); got != "https://ecs.console.aliyun.com/server/i-bp1f4k0w2x9m7q3c8zsy/detail?regionId=cn-hangzhou" {
		t.Errorf("the instance is at %q", got)
	}
	cross := status(t, backup.StateComplete, func(p *templates.StatusPage) {
		p.Record.Access, p.Record.CallerID, p.Record.AccountID = backup.HBRCrossAccount, "1000000000000001", "1589750000009999"
	})
	if got := cross.Find("[aria-labelledby=restore]").Text(); !strings.Contains(got, "restored from the account 1000000000000001") {
		t.Errorf("a cross-account backup says %q", got)
	}
	for _, state := range []backup.State{backup.StateRunning, backup.StateFailed, backup.StateRefused} {
		if status(t, state, nil).Find("[aria-labelledby=restore], [data-print]").Length() != 0 {
			t.Errorf("%s: there is nothing to restore", state)
		}
	}
}

// TestRunningJobSaysHowLongEarlierOnesTook proves that the page of a running job says how long
// earlier ones took. The page of one that is being cancelled does not say so.
func TestRunningJobSaysHowLongEarlierOnesTook(t *testing.T) {
	for want, earlier := range map[string][]time.Duration{
		"The last backup took 28 min.":                        {28 * time.Minute},
		"The last two backups took 28 min to 35 min.":         {35 * time.Minute, 28 * time.Minute},
		"The last three backups took less than 1 min to 1 h.": {30 * time.Minute, time.Second, time.Hour},
	} {
		took := func(p *templates.StatusPage) { p.Earlier = earlier }
		if got := status(t, backup.StateRunning, took).Find(".earlier").Text(); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
		stopping := status(t, backup.StateCanceling, took)
		if stopping.Find(".earlier").Length() != 0 || strings.Contains(stopping.Text(), "The backup continues") {
			t.Errorf("a job that is being cancelled says %q", stopping.Text())
		}
	}
	if !strings.Contains(status(t, backup.StateRunning, nil).Text(), "The backup continues") {
		t.Error("a running job does not say that it continues")
	}
}
