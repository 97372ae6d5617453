package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// speed is the divisor of the program's windows of time. At this speed an attempt lasts 3 s instead
// of 30 s.
const speed = 10

// These constants are the program's windows of time at this speed.
const (
	window  = 30 * time.Second / speed
	listLag = 60 * time.Second / speed
)

// active is the time during which incidents can happen.
const active = 6 * time.Second

// These constants name the kinds of incidents.
const (
	fault    = "fault"
	lag      = "lag"
	kill     = "kill"
	freeze   = "freeze"
	database = "database"
	clock    = "clock"
	policy   = "policy"
	sweep    = "sweep"
)

// These constants name the doors.
const (
	form    = "form"
	api     = "api"
	webhook = "webhook"
	event   = "event"
)

// These constants name the kinds of processes.
const (
	server = "server"
	onFC   = "fc"
	lambda = "lambda"
)

// A plan is everything that the seed of a schedule decides.
type plan struct {
	seed        uint64
	postgres    bool
	processes   []string      // kinds of the processes
	timeout     time.Duration // timeout of the event platforms
	faults      string        // fault schedule of the emulator while incidents can happen
	lag         time.Duration // lag of the cloud's list, until the end of the run
	submissions []submission
	incidents   []incident      // ordered by time
	kinds       map[string]bool // kinds of incidents that may happen
}

// A submission holds one key and all requests with this key.
type submission struct {
	door      string
	account   string // account alias
	instance  string
	retention string // empty means the policy's default
	asks      []ask
}

// An ask is one request with the submission's key.
type ask struct {
	at      time.Duration
	process int
}

// An incident is something that goes wrong with one process or with the database at a stated
// time, such as a kill or a freeze.
type incident struct {
	at      time.Duration
	kind    string
	process int
	lasts   time.Duration
	offset  time.Duration // offset of the process's clock
	policy  int           // index in policies

}

// createFaults lists faults of CreateBackupJob. Each fault makes a call fail.
var createFaults = []string{
	"throttle", "throttle-429", "expired", "500", "500-after", "503", "503-after", "drop", "drop-after", "reset-after",
	"truncate", "bad-json", "html 502", "html-after 200", "empty-after 200", "no-job-id",
}

// draw returns the plan for a seed. The plan contains only incidents in kinds.
func draw(seed uint64, kinds map[string]bool) plan {
	r := rand.New(rand.NewPCG(seed, 16))
	// Two thirds of the plans use PostgreSQL. SQLite is for plans with one process, because only
	// one process can use the file.
	p := plan{seed: seed, kinds: kinds, postgres: seed%3 != 0, processes: []string{server}}
	p.timeout = pick(r, 2*time.Second, 5*time.Second, 10*time.Second)
	doors := []string{form, api, webhook}
	if p.postgres {
		for range r.IntN(3) {
			p.processes = append(p.processes, pick(r, server, onFC, lambda))
		}
		if slices.Contains(p.processes, onFC) || slices.Contains(p.processes, lambda) {
			doors = append(doors, event, event)
		}
	}
	p.drawFaults(r)
	for n := range 8 + r.IntN(9) {
		s := submission{
			door: pick(r, doors...), account: pick(r, "demo", "payments", "payments"),
			instance: "i-bp1demoweb01", retention: pick(r, "", "", fmt.Sprint(1+n)),
		}
		if s.account == "payments" {
			s.instance = "i-bp2demopay01"
		}
		at := time.Duration(r.Int64N(int64(active) * 2 / 3))
		for range 1 + r.IntN(4) {
			s.asks = append(s.asks, ask{at, p.processFor(r, s.door)})
			at += pick(r, 0, 50*time.Millisecond, 700*time.Millisecond, 2*time.Second, 4*time.Second)
		}
		p.submissions = append(p.submissions, s)
	}
	p.drawIncidents(r)
	if p.postgres && p.kinds[clock] && p.kinds[fault] && p.kinds[lag] && len(p.processes) < 3 && r.IntN(2) == 0 {
		p.drawAhead(r)
	}
	return p
}

// drawAhead adds a sequence of events that random incidents rarely produce. Answers of
// CreateBackupJob are lost and the cloud's list lags. Then the clock of an additional process jumps
// ahead, shortly after the process compared its clock with the database's clock. The process now
// assumes that the list is already complete.
func (p *plan) drawAhead(r *rand.Rand) {
	last := len(p.processes)
	p.processes = append(p.processes, server)
	begin := time.Duration(200+r.IntN(200)) * time.Millisecond
	for range 4 {
		s := submission{door: api, account: "demo", instance: "i-bp1demoweb01", asks: []ask{{begin, 0}}}
		for at := window + 900*time.Millisecond; at < window+listLag/3; at += 150 * time.Millisecond {
			s.asks = append(s.asks, ask{begin + at, last})
		}
		p.submissions = append(p.submissions, s)
	}
	p.submissions = append(p.submissions, submission{
		door: api, account: "demo", instance: "i-bp1demoweb01", asks: []ask{{begin + window + 400*time.Millisecond, last}},
	})
	p.incidents = append(p.incidents, incident{
		at: begin + window + 800*time.Millisecond, kind: clock, process: last, offset: 48 * time.Second / speed, lasts: 3 * time.Second,
	})
	p.lag = listLag * 5 / 6
	p.faults = fmt.Sprintf("CreateBackupJob: drop-after 70%%; DescribeBackupJobs2: lag %v; seed %d", p.lag, p.seed)
}

// drawFaults chooses the faults of the cloud. If calls can arrive late, it shortens the lag of the
// list: together they must not make a job appear later than the program assumes.
func (p *plan) drawFaults(r *rand.Rand) {
	late := false
	p.lag = time.Millisecond // the emulator needs a lag above zero
	if p.kinds[lag] {
		p.lag = pick(r, p.lag, listLag/12, listLag/3, listLag*5/6, listLag*5/6)
	}
	var rules []string
	if p.kinds[fault] {
		share := 15 + r.IntN(30)
		var choices []string
		for range 2 {
			if f := pick(r, createFaults...) + fmt.Sprintf(" %d%%", share); !slices.Contains(choices, f) {
				choices = append(choices, f)
			}
		}
		if r.IntN(3) == 0 {
			late = true
			choices = append(choices, pick(r, "latency 4s 10%", "latency-after 4s 10%"))
		}
		rules = append(rules, "CreateBackupJob: "+strings.Join(choices, " | "),
			"AssumeRole: "+pick(r, "ok", "500 20%", "latency 1s 30%", "drop 20%"))
	}
	if late {
		p.lag = min(p.lag, listLag/2)
	}
	list := fmt.Sprintf("lag %v", p.lag)
	if broken := pick(r, "", "500", "drop", "truncate"); p.kinds[fault] && broken != "" {
		rules = append(rules, "DescribeBackupJobs2: "+list+" + "+broken+" 20% | "+list+" 80%")
	} else {
		rules = append(rules, "DescribeBackupJobs2: "+list)
	}
	p.faults = strings.Join(append(rules, fmt.Sprintf("seed %d", p.seed)), "; ")
}

func (p *plan) drawIncidents(r *rand.Rand) {
	var may []string // kinds that are more probable are listed more than once
	for _, kind := range []string{kill, kill, freeze, freeze, database, clock, clock, policy, policy, sweep} {
		if p.kinds[kind] && (kind != database || p.postgres) {
			may = append(may, kind)
		}
	}
	if len(may) == 0 {
		return
	}
	for range 4 + r.IntN(8) {
		i := incident{
			at:      time.Duration(r.Int64N(int64(active))),
			kind:    pick(r, may...),
			process: r.IntN(len(p.processes)),
			lasts:   pick(r, 0, 300*time.Millisecond, time.Second),
		}
		switch i.kind {
		case freeze:
			i.lasts = pick(r, window/3, window+500*time.Millisecond, window+2*time.Second)
		case clock:
			// The clock moves by 10 to 55 s, divided by speed, in either direction.
			i.offset = time.Duration(pick(r, 10+r.IntN(46), 45+r.IntN(11))) * time.Second / speed
			if r.IntN(3) == 0 {
				i.offset = -i.offset
			}
			i.lasts = pick(r, time.Second, 4*time.Second, active)
		case policy:
			i.policy = r.IntN(len(policies))
		}
		p.incidents = append(p.incidents, i)
	}
	slices.SortStableFunc(p.incidents, func(a, b incident) int { return int(a.at - b.at) })
}

// processFor returns the index of a random process that can receive requests through the door.
func (p *plan) processFor(r *rand.Rand, door string) int {
	for {
		n := r.IntN(len(p.processes))
		if door != event || p.processes[n] != server {
			return n
		}
	}
}

// store returns the name of the plan's database.
func (p *plan) store() string {
	if p.postgres {
		return "PostgreSQL"
	}
	return "SQLite"
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }
