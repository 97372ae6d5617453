package backup

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// How long a notice is tried, from its event on; how long one attempt may take;
// and how many are sent to one receiver at a time, since robots in chats take 20
// messages a minute.
const (
	noticeLife = 24 * time.Hour
	sendTime   = 6 * time.Second
	mostSent   = 20
)

// pauses are those after the first attempts, in their order. The last one
// stands for all that follow. Each is longer than an attempt, since it is also
// how long nobody else tries.
var pauses = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour}

// pause is how long to wait after an attempt that had so many before it.
func pause(before int) time.Duration { return pauses[min(before, len(pauses)-1)] }

// deliver sends the notices that are due, and says how many it sent. Several may
// run at once. Receivers are told side by side, so that one that hangs holds up no
// other.
func (s *Service) deliver(ctx context.Context) int {
	if s.Messenger == nil {
		return 0
	}
	var sent atomic.Int32
	var receivers sync.WaitGroup
	for _, receiver := range s.Messenger.All() {
		receivers.Go(func() { s.deliverTo(ctx, receiver, &sent) })
	}
	receivers.Wait()
	return int(sent.Load())
}

// deliverTo sends what is due to one receiver, oldest first, until that fails:
// then the receiver is likely to be away, and the rest is left for the next time.
func (s *Service) deliverTo(ctx context.Context, receiver string, sent *atomic.Int32) {
	defer s.recovered(ctx, "delivery")
	due, err := s.Store.Due(ctx, receiver, s.Now(), mostSent)
	if err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "looking for notices", "receiver", receiver, "error", err)
	}
	for _, n := range due {
		if !leaves(ctx, sendTime) {
			return
		}
		until := s.Now().Add(pause(n.Attempts))
		ours, err := s.Store.Take(ctx, n, until)
		if err != nil {
			s.Log.WarnContext(ctx, "taking a notice", "receiver", receiver, "error", err)
			return
		}
		if !ours {
			continue
		}
		n.Attempts++
		switch err := s.send(ctx, n, until); {
		case err == nil:
			sent.Add(1)
		case !errors.Is(err, errOverdue):
			return
		}
	}
}

// leaves reports whether ctx leaves that much time: a message that is cut off
// may have arrived, and would come again.
func leaves(ctx context.Context, d time.Duration) bool {
	deadline, limited := ctx.Deadline()
	return ctx.Err() == nil && (!limited || time.Until(deadline.Round(0)) > d)
}

// errOverdue is why a notice was not sent that its receiver may well have taken.
var errOverdue = errors.New("too late: it was not sent in time")

// send sends a notice that was taken until some time. That is also when it is
// tried again if this fails, or if the process stops: then nothing is left behind
// that has to be put right. What was begun is brought to its end even if the
// sweep's time is over.
func (s *Service) send(ctx context.Context, n Notice, until time.Time) error {
	ctx = context.WithoutCancel(ctx)
	var err error
	switch end := n.At.Add(noticeLife); {
	case !s.Now().Before(until):
		return errOverdue // this process stood still, and by now the notice may be another's
	case !s.Now().Before(end):
		err = errOverdue
	default:
		limited, cancel := context.WithTimeout(ctx, sendTime)
		err = s.Messenger.Send(limited, n)
		cancel()
		if err != nil && until.Before(end) {
			s.Log.WarnContext(ctx, "notice not sent", "submission", n.SubmissionID, "event", n.Event, "receiver", n.Receiver,
				"attempt", n.Attempts, "again", until, "error", err)
			return err
		}
	}
	if err != nil {
		s.Log.ErrorContext(ctx, "notice given up", "submission", n.SubmissionID, "event", n.Event, "receiver", n.Receiver,
			"attempts", n.Attempts, "at", n.At, "error", err)
	}
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	if failed := s.Store.Done(ctx, n, s.Now()); failed != nil {
		s.Log.WarnContext(ctx, "closing a notice", "submission", n.SubmissionID, "event", n.Event, "receiver", n.Receiver, "error", failed)
	}
	return err
}

// recovered is deferred where a panic is to end a task and not the process.
func (s *Service) recovered(ctx context.Context, task string) {
	if v := recover(); v != nil {
		s.Log.ErrorContext(ctx, "panicked", "task", task, "panic", fmt.Sprintf("%.200v", v), "stack", string(debug.Stack()))
	}
}
