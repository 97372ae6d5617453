package batch

import "time"

// Pace is the rate at which the items of a batch are started, by all processes together. It is part
// of the batch in the store, and changes only while its row is locked. Its times are those of the
// database's clock.
//
// The rate is a row of slots, one Interval apart. A process that takes items gets the next slots. A
// slot that no process took in time may be taken for a short time after that ([catchUp]).
//
// After a refusal of the cloud because of too many requests, no slot begins for a short time: items that
// were late can have come together. Each further refusal within calm doubles that time, and makes
// Interval longer: by 2 % at first, then by twice as much each time. Refusals of items that were started
// before the last change say nothing about the new pace and change nothing. After calm without a
// refusal, Interval gets shorter by 2 % in each second, down to Least.
type Pace struct {
	Interval time.Duration // between two slots; more than 0
	Least    time.Duration // shortest Interval, from [Options.Rate]
	Next     time.Time     // when the next slot begins
	Level    int           // refusals within calm of each other
	SlowedAt time.Time     // when the cloud last refused an item; zero if it never did
	EasedAt  time.Time     // when Interval last became shorter

	// Speed is the number of items that were started per second, in the last complete window. It is 0
	// if that is not known.
	Speed    float64
	WindowAt time.Time // when the present window began
	InWindow int       // items that were taken in it
}

// Limits of a pace.
const (
	lookAhead   = 50 * time.Millisecond // a process takes no slots that are later
	catchUp     = 75 * time.Millisecond // how long a missed slot can be used
	speedWindow = time.Second
	longSilence = 10 * time.Second // without items, the speed is not known
	calm        = 3 * time.Second
	firstPause  = 25 * time.Millisecond // no slot begins for this time after a first refusal
	mostLevel   = 5                     // longest pause: firstPause * 16; largest step: 16 %
	mostApart   = 30 * time.Second      // the longest Interval
)

// newPace returns the pace for one item in each interval. The first slot begins with the first take: slots that were missed before it
// are not caught up. That would use up what the cloud accepts at once, and later items that come together would be refused.
func newPace(interval time.Duration) Pace { return Pace{Interval: interval, Least: interval} }

// Take returns how many of at most limit slots a process gets at now, when the first of them begins,
// and the pace after that. If it gets none, wait is the time until it may ask again.
func (p Pace) Take(now time.Time, limit int) (n int, first time.Time, wait time.Duration, after Pace) {
	p = p.eased(now)
	if p.Next.Sub(now) > lookAhead {
		return 0, time.Time{}, p.Next.Sub(now) - lookAhead, p
	}
	first = p.Next
	if earliest := now.Add(-catchUp); first.Before(earliest) {
		first = earliest
	}
	if p.Next.IsZero() || p.Interval > catchUp && first.Before(now) {
		first = now // slots that are far apart are not caught up
	}
	n = min(limit, int(now.Add(lookAhead).Sub(first)/p.Interval)+1)
	p.Next = first.Add(time.Duration(n) * p.Interval)
	if elapsed := now.Sub(p.WindowAt); elapsed >= speedWindow {
		p.Speed = 0
		if elapsed < longSilence {
			p.Speed = float64(p.InWindow) / elapsed.Seconds()
		}
		p.WindowAt, p.InWindow = now, 0
	}
	p.InWindow += n
	return n, first, 0, p
}

// Slowed returns the pace after the cloud refused an item because of too many requests. started is the
// slot of the item.
func (p Pace) Slowed(now, started time.Time) Pace {
	if !started.After(p.SlowedAt) {
		return p
	}
	if p.Level++; now.Sub(p.SlowedAt) > calm {
		p.Level = 1
	}
	p.Level = min(p.Level, mostLevel)
	factor := 1 << (p.Level - 1)
	if p.Level > 1 {
		p.Interval = min(p.Interval+p.Interval*time.Duration(factor)/100, max(mostApart, p.Least))
	}
	p.SlowedAt, p.EasedAt = now, now
	if next := now.Add(firstPause * time.Duration(factor)); p.Next.Before(next) {
		p.Next = next
	}
	return p
}

// eased returns p with a shorter Interval if the cloud refused nothing for a while.
func (p Pace) eased(now time.Time) Pace {
	if p.Interval <= p.Least || now.Sub(p.SlowedAt) < calm {
		return p
	}
	for p.Interval > p.Least && now.Sub(p.EasedAt) >= time.Second {
		p.Interval = max(p.Interval-p.Interval/50-1, p.Least)
		p.EasedAt = p.EasedAt.Add(time.Second)
	}
	return p
}
