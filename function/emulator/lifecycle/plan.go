package lifecycle

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
	DurationTag = "emulator:duration"
	OutcomeTag  = "emulator:outcome"
)

// An Outcome is how a job is meant to end. The zero value means COMPLETE.
type Outcome struct {
	Status  string
	Message string
}

// ParseOutcome reads WORD or WORD:CODE.
func ParseOutcome(text string) (Outcome, error) {
	status, message, _ := strings.Cut(text, ":")
	if !slices.Contains(Outcomes, status) {
		return Outcome{}, fmt.Errorf("outcome %q is not one of %s, with :CODE if need be", text, strings.Join(Outcomes, ", "))
	}
	return Outcome{status, message}, nil
}

// Worded gives an outcome the ErrorMessage that a job of a kind would have. The
// vendor's pages show none; these are guesses.
func (o Outcome) Worded(sourceType string) Outcome {
	switch {
	case o.Message != "":
	case o.Status == "PARTIAL_COMPLETE" && sourceType == "UDM_ECS":
		o.Message = "some disks have no snapshot"
	case o.Status == "PARTIAL_COMPLETE":
		o.Message = "some files were skipped because they were in use"
	case o.Status == "FAILED":
		o.Message = "InternalError"
	case o.Status == "EXPIRED":
		o.Message = "the job did not end in time"
	}
	return o
}

// A Plan is how long a job takes and how it ends, as far as somebody said so.
type Plan struct {
	Duration time.Duration
	Outcome  Outcome
}

// Over returns p, and what p leaves open from q.
func (p Plan) Over(q Plan) Plan {
	if p.Duration == 0 {
		p.Duration = q.Duration
	}
	if p.Outcome.Status == "" {
		p.Outcome = q.Outcome
	}
	return p
}

// ReadPlan reads what a world says of one thing. The text of an outcome was
// checked with the world.
func ReadPlan(duration time.Duration, text string) Plan {
	out, _ := ParseOutcome(text)
	return Plan{duration, out}
}

// planMarker finds the marker in a JobName: the word emulator and what is to
// happen, each behind a dot, as in "web01.emulator.5s.FAILED.EcsClientError-k3v9x2".
// It is made of characters that every program lets through in a name, and may
// stand anywhere, because programs add to names: behind the last word a blank or
// a "-" begins what is not the marker's.
var planMarker = regexp.MustCompile(`(?:^|[^A-Za-z0-9])emulator\.([A-Za-z0-9_.]*)`)

// NamedPlan reads the marker of a JobName. A marker that means nothing is an
// error: whoever wrote it would wait in vain for its effect.
func NamedPlan(name string) (Plan, error) {
	at := planMarker.FindStringSubmatchIndex(name)
	if at == nil {
		return Plan{}, nil
	}
	p, err := markedPlan(strings.Split(name[at[2]:at[3]], "."))
	if err == nil {
		err = checkBehindMarker(name[at[3]:], p.Outcome.Status != "")
	}
	if err != nil {
		return Plan{}, fmt.Errorf("the marker for the emulator: %w", err)
	}
	return p, nil
}

// isDuration tells what a marker takes as one.
func isDuration(word string) bool {
	d, err := time.ParseDuration(word)
	return err == nil && d > 0
}

// markedPlan reads at most one duration, and then an outcome with its code.
func markedPlan(words []string) (p Plan, err error) {
	for n, word := range words {
		if isDuration(word) && p.Duration == 0 {
			p.Duration, _ = time.ParseDuration(word)
			continue
		}
		if isDuration(word) {
			return p, fmt.Errorf("%q is a second duration", word)
		}
		out, err := ParseOutcome(word)
		if err != nil {
			return p, fmt.Errorf("%q is no duration, and %w", word, err)
		}
		code := words[n+1:]
		for _, word := range code {
			if word == "" || isDuration(word) || slices.Contains(Outcomes, word) {
				return p, fmt.Errorf("%q cannot be part of the code behind %s", word, out.Status)
			}
		}
		p.Outcome = Outcome{out.Status, strings.Join(code, ".")}
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
