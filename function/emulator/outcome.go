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

// planMarker finds the marker in a JobName: the word emulator and what is to
// happen, each behind a dot, as in "web01.emulator.5s.FAILED.EcsClientError-k3v9x2".
// It is made of characters that every program lets through in a name, and may
// stand anywhere, because programs add to names: behind the last word a blank or
// a "-" begins what is not the marker's.
var planMarker = regexp.MustCompile(`(?:^|[^A-Za-z0-9])emulator\.([A-Za-z0-9_.]*)`)

// namedPlan reads the marker of a JobName. A marker that means nothing is an
// error: whoever wrote it would wait in vain for its effect.
func namedPlan(name string) (plan, error) {
	at := planMarker.FindStringSubmatchIndex(name)
	if at == nil {
		return plan{}, nil
	}
	p, err := markedPlan(strings.Split(name[at[2]:at[3]], "."))
	if err == nil {
		err = checkBehindMarker(name[at[3]:], p.outcome.status != "")
	}
	if err != nil {
		return plan{}, fmt.Errorf("the marker for the emulator: %w", err)
	}
	return p, nil
}

// isDuration tells what a marker takes as one.
func isDuration(word string) bool {
	d, err := time.ParseDuration(word)
	return err == nil && d > 0
}

// markedPlan reads at most one duration, and then an outcome with its code.
func markedPlan(words []string) (p plan, err error) {
	for n, word := range words {
		if isDuration(word) && p.duration == 0 {
			p.duration, _ = time.ParseDuration(word)
			continue
		}
		if isDuration(word) {
			return p, fmt.Errorf("%q is a second duration", word)
		}
		out, err := parseOutcome(word)
		if err != nil {
			return p, fmt.Errorf("%q is no duration, and %w", word, err)
		}
		code := words[n+1:]
		for _, word := range code {
			if word == "" || isDuration(word) || slices.Contains(Outcomes, word) {
				return p, fmt.Errorf("%q cannot be part of the code behind %s", word, out.status)
			}
		}
		p.outcome = outcome{out.status, strings.Join(code, ".")}
		break
	}
	return p, nil
}

// behindMarker finds the words behind a marker.
var behindMarker = regexp.MustCompile(`[A-Za-z0-9_]+`)

// capitals are what only an outcome is written in.
var capitals = regexp.MustCompile(`^[A-Z_]{2,}$`)

// checkBehindMarker refuses what stands behind a marker and was meant to be in
// it. Programs add ids in small letters and digits, which are neither an outcome
// nor a duration.
func checkBehindMarker(rest string, ended bool) error {
	if rest != "" && rest[0] != '-' && rest[0] != ' ' {
		return fmt.Errorf("%q cannot stand behind it", rest)
	}
	if planMarker.MatchString(rest) {
		return fmt.Errorf("%q has a second one", rest)
	}
	for _, word := range behindMarker.FindAllString(rest, -1) {
		if isDuration(word) || slices.Contains(Outcomes, strings.ToUpper(word)) || !ended && capitals.MatchString(word) {
			return fmt.Errorf("%q stands behind it, not in it: a dot belongs before it", word)
		}
	}
	return nil
}
