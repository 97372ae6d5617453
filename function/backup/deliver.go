package backup

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// deliver sends the notices that are due, and says how many it sent. Several may
// run at once. Receivers are told side by side, so that one that hangs holds up no
// other.
func (n notifier) deliver(ctx context.Context) int {
	if n.messenger == nil {
		return 0
	}
	var sent atomic.Int32
	var receivers sync.WaitGroup
	for _, receiver := range n.messenger.All() {
		receivers.Go(func() { n.deliverTo(ctx, receiver, &sent) })
	}
	receivers.Wait()
	return int(sent.Load())
}

// deliverTo sends what is due to one receiver, oldest first, until that fails:
// then the receiver is likely to be away, and the rest is left for the next time.
func (n notifier) deliverTo(ctx context.Context, receiver string, sent *atomic.Int32) {
	defer recovered(ctx, n.log, "delivery")
	due, err := n.store.Due(ctx, receiver, n.now(), mostSent)
	if err != nil && ctx.Err() == nil {
		n.log.WarnContext(ctx, "looking for notices", "receiver", receiver, "error", err)
	}
	for _, notice := range due {
		if !leaves(ctx, sendTime) {
			return
		}
		until := n.now().Add(pause(notice.Attempts))
		ours, err := n.store.Take(ctx, notice, until)
		if err != nil {
			n.log.WarnContext(ctx, "taking a notice", "receiver", receiver, "error", err)
			return
		}
		if !ours {
			continue
		}
		notice.Attempts++
		switch err := n.send(ctx, notice, until); {
		case err == nil:
			sent.Add(1)
		case !errors.Is(err, errOverdue):
			return
		}
	}
}

// send sends a notice that was taken until some time. That is also when it is
// tried again if this fails, or if the process stops: then nothing is left behind
// that has to be put right. What was begun is brought to its end even if the
// sweep's time is over.
func (n notifier) send(ctx context.Context, notice Notice, until time.Time) error {
	ctx = context.WithoutCancel(ctx)
	var err error
	switch end := notice.At.Add(noticeLife); {
	case !n.now().Before(until):
		return errOverdue // this process stood still, and by now the notice may be another's
	case !n.now().Before(end):
		err = errOverdue
	default:
		limited, cancel := context.WithTimeout(ctx, sendTime)
		err = n.messenger.Send(limited, notice)
		cancel()
		if err != nil && until.Before(end) {
			n.log.WarnContext(ctx, "notice not sent", "submission", notice.SubmissionID, "event", notice.Event, "receiver", notice.Receiver,
				"attempt", notice.Attempts, "again", until, "error", err)
			return err
		}
	}
	if err != nil {
		n.log.ErrorContext(ctx, "notice given up", "submission", notice.SubmissionID, "event", notice.Event, "receiver", notice.Receiver,
			"attempts", notice.Attempts, "at", notice.At, "error", err)
	}
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	if failed := n.store.Done(ctx, notice, n.now()); failed != nil {
		n.log.WarnContext(ctx, "closing a notice", "submission", notice.SubmissionID, "event", notice.Event, "receiver", notice.Receiver,
			"error", failed)
	}
	return err
}

// errOverdue is why a notice was not sent that its receiver may well have taken.
var errOverdue = errors.New("too late: it was not sent in time")

// How long a notice is tried, from its event on; how long one attempt may take;
// and how many are sent to one receiver at a time, since robots in chats take 20
// messages a minute.
const (
	noticeLife = 24 * time.Hour
	sendTime   = 6 * time.Second
	mostSent   = 20
)

// pause is how long to wait after an attempt that had so many before it.
func pause(before int) time.Duration { return pauses[min(before, len(pauses)-1)] }

// pauses are those after the first attempts, in their order. The last one
// stands for all that follow. Each is longer than an attempt, since it is also
// how long nobody else tries.
var pauses = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour}
