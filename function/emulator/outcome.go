package emulator

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Outcomes are the words that a job may end with, in a world, a tag or a
// JobName. A code may follow after a colon, like FAILED:EcsClientError; it
// becomes the job's ErrorMessage. The last three are words that clients of the
// vendor have met and its pages do not explain.
var Outcomes = []string{
	"COMPLETE", "PARTIAL_COMPLETE", "FAILED", "CANCELED", "EXPIRED", "UNAVAILABLE", "VM_UNAVAILABLE", "UNKNOWN",
}

// Tags of an instance that say how its jobs go.
const (
	durationTag = "emulator:duration"
	outcomeTag  = "emulator:outcome"
)

// An outcome is how a job is meant to end. The zero value means COMPLETE.
type outcome struct {
	status  string
	message string
}

// parseOutcome reads WORD or WORD:CODE.
func parseOutcome(text string) (outcome, error) {
	status, message, _ := strings.Cut(text, ":")
	if !slices.Contains(Outcomes, status) {
		return outcome{}, fmt.Errorf("outcome %q is not one of %s, with :CODE if need be", text, strings.Join(Outcomes, ", "))
	}
	return outcome{status, message}, nil
}

// worded gives an outcome the ErrorMessage that a job of a kind would have. The
// vendor's pages show none; these are guesses.
func (o outcome) worded(sourceType string) outcome {
	switch {
	case o.message != "":
	case o.status == "PARTIAL_COMPLETE" && sourceType == "UDM_ECS":
		o.message = "some disks have no snapshot"
	case o.status == "PARTIAL_COMPLETE":
		o.message = "some files were skipped because they were in use"
	case o.status == "FAILED":
		o.message = "InternalError"
	case o.status == "EXPIRED":
		o.message = "the job did not end in time"
	}
	return o
}

// A plan is how long a job takes and how it ends, as far as somebody said so.
type plan struct {
	duration time.Duration
	outcome  outcome
}

// over returns p, and what p leaves open from q.
func (p plan) over(q plan) plan {
	if p.duration == 0 {
		p.duration = q.duration
	}
	if p.outcome.status == "" {
		p.outcome = q.outcome
	}
	return p
}

// worldPlan reads what a world says of one thing. The text of an outcome was
// checked with the world.
func worldPlan(duration time.Duration, text string) plan {
	out, _ := parseOutcome(text)
	return plan{duration, out}
}

// plan is that of an instance, its tags first.
func (i *Instance) plan() plan {
	duration, _ := time.ParseDuration(i.Tags[durationTag])
	return worldPlan(duration, i.Tags[outcomeTag]).over(worldPlan(i.JobDuration, i.JobOutcome))
}

// planMarker finds the marker in a JobName: the word emulator and what is to
// happen, each behind a dot, as in "web01.emulator.5s.FAILED.EcsClientError-k3v9x2".
// It is made of characters that every program lets through in a name, and may
// stand anywhere, because programs add to names.
var planMarker = regexp.MustCompile(`(?:^|[^A-Za-z0-9])emulator((?:\.[A-Za-z0-9_]+)+)`)

// namedPlan reads the marker of a JobName. A marker that means nothing is an
// error: whoever wrote it would wait in vain for its effect.
func namedPlan(name string) (plan, error) {
	var p plan
	m := planMarker.FindStringSubmatch(name)
	if m == nil {
		return p, nil
	}
	words := strings.Split(m[1], ".")[1:]
	for n, word := range words {
		if duration, err := time.ParseDuration(word); err == nil && duration > 0 {
			p.duration = duration
			continue
		}
		out, err := parseOutcome(word)
		if err != nil {
			return plan{}, invalid("JobName", "%q in the marker for the emulator is no duration, and %v", word, err)
		}
		p.outcome = outcome{out.status, strings.Join(words[n+1:], ".")}
		break
	}
	return p, nil
}
