package web

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/templates"
)

// schedulesPath is the address of the list of schedules.
const schedulesPath = "/backups/schedules"

// Limits of the list of schedules.
const (
	mostScheduled   = 1000 // submissions of each kind of event that are read, the newest first
	scheduledAtOnce = 200  // entries of the history that are read at once
	longestSchedule = 80   // bytes of a schedule's name
)

// named returns the principal of a message of a schedule with the name of the schedule, for people. Other principals are
// returned unchanged. The name is the platform's text and proves nothing: only the subject decides.
func (s *Server) named(p identity.Principal, origin string) identity.Principal {
	if slices.Contains(s.Schedules, p.Subject) {
		p.Name = scheduleName(p.Name, origin)
	}
	return p
}

// scheduleName returns the name of a schedule for people: the name of its kind of event, and its own. An ARN of AWS is shortened
// to what follows the type of the resource.
func scheduleName(kind, origin string) string {
	if strings.HasPrefix(origin, "arn:") {
		_, origin, _ = strings.Cut(origin, "/")
	}
	return kind + ": " + param.Clean(origin, longestSchedule)
}

// schedules answers GET /backups/schedules. It shows what each schedule of the platform did, and when it last
// succeeded, as far as the sender may view it.
func (s *Server) schedules(w http.ResponseWriter, r *http.Request) error {
	found := map[string]*templates.Schedule{}
	for _, subject := range s.Schedules {
		if err := s.scheduled(r.Context(), principal(r), subject, found); err != nil {
			return err
		}
	}
	if err := s.rejectedSchedules(r.Context(), principal(r), found); err != nil {
		return err
	}
	page := templates.SchedulesPage{Shell: s.shell(r)}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		page.Schedules = append(page.Schedules, *found[name])
	}
	return render(w, r, http.StatusOK, templates.Schedules(page))
}

// scheduled adds the schedules of one kind of event to found. If the newest submissions have no success of a schedule, it
// searches for an earlier one.
func (s *Server) scheduled(ctx context.Context, p identity.Principal, subject string, found map[string]*templates.Schedule) error {
	q := backup.Query{Principal: identity.Principal{Subject: subject}.ID(), Limit: scheduledAtOnce}
	of := map[string]*templates.Schedule{}
	for read := 0; ; {
		page, err := s.Backups.List(ctx, p, q)
		if err != nil {
			return err
		}
		for _, record := range page.Records {
			s.addRun(of, record)
		}
		read += len(page.Records)
		if q.Before = page.Rest; page.Rest == nil {
			break
		}
		if read >= mostScheduled {
			for _, one := range of {
				one.More = true
			}
			break
		}
	}
	for name, one := range of {
		if found[name] = one; one.Good == nil && one.More {
			if err := s.findSuccess(ctx, p, q.Principal, one); err != nil {
				return err
			}
		}
	}
	return nil
}

// addRun adds a submission, which is older than those before it.
func (s *Server) addRun(of map[string]*templates.Schedule, record backup.Record) {
	one := of[record.Principal.Name]
	if one == nil {
		last := s.row(record)
		one = &templates.Schedule{Name: record.Principal.Name, Last: &last}
		of[one.Name] = one
	}
	one.Runs++
	if one.Good == nil && record.State(s.Backups.Now()) == backup.StateComplete {
		good := s.row(record)
		one.Good = &good
	}
}

// findSuccess searches the newest success of a schedule.
func (s *Server) findSuccess(ctx context.Context, p identity.Principal, sender string, one *templates.Schedule) error {
	page, err := s.Backups.List(ctx, p, backup.Query{
		Principal: sender, Search: one.Name, States: []backup.State{backup.StateComplete}, Limit: scheduledAtOnce,
	})
	for _, record := range page.Records {
		if record.Principal.Name == one.Name && one.Good == nil {
			good := s.row(record)
			one.Good = &good
		}
	}
	return err
}

// rejectedSchedules adds the newest rejected messages of each schedule.
func (s *Server) rejectedSchedules(ctx context.Context, p identity.Principal, found map[string]*templates.Schedule) error {
	page, err := s.Backups.History(ctx, p, backup.Query{
		States: []backup.State{backup.StateRejected}, Rejections: true, Limit: scheduledAtOnce,
	})
	for _, e := range page.Entries {
		if e.Rejection == nil || !slices.Contains(s.Schedules, e.Rejection.Sender.Subject) {
			continue
		}
		name := scheduleName(cmp.Or(e.Rejection.Sender.Name, "event "+strings.TrimPrefix(e.Rejection.Sender.Subject, "event:")), e.Rejection.Origin)
		if found[name] == nil {
			found[name] = &templates.Schedule{Name: name}
		}
		if found[name].Rejected == nil {
			found[name].Rejected = e.Rejection
		}
	}
	return err
}
