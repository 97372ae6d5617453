package lifecycle

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Outcomes are the final states that a world, a tag or a JobName may choose for a job. A code may
// follow after a colon, as in FAILED:EcsClientError; it becomes the job's ErrorMessage. Clients
// of the vendor have seen the last three words, but its pages do not explain them.
var Outcomes = []string{
	"COMPLETE", "PARTIAL_COMPLETE", "FAILED", "CANCELED", "EXPIRED", "UNAVAILABLE", "VM_UNAVAILABLE", "UNKNOWN",
}

// Tags of an instance that decide duration and outcome of its jobs.
const (
	DurationTag = "emulator:duration" // such as 5s
	OutcomeTag  = "emulator:outcome"  // such as FAILED:EcsClientError
)

// An Outcome is the final state of an emulated job, with an optional error code. The zero value
// means COMPLETE.
type Outcome struct {
	Status  string // one of Outcomes; empty: COMPLETE
	Message string // ErrorMessage; empty: the default of Worded
}

// ParseOutcome reads WORD or WORD:CODE. A WORD that is not in [Outcomes] is an error.
func ParseOutcome(text string) (Outcome, error) {
	status, message, _ := strings.Cut(text, ":")
	if !slices.Contains(Outcomes, status) {
		return Outcome{}, fmt.Errorf("outcome %q is not one of %s, with :CODE if need be", text, strings.Join(Outcomes, ", "))
	}
	return Outcome{status, message}, nil
}

// Worded returns o with an ErrorMessage: its own, or else the default for a job of sourceType.
// The vendor's pages show no such messages; the defaults are guesses.
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

// A Plan says how long an emulated job takes and how it ends. A zero field means "not decided".
type Plan struct {
	Duration time.Duration
	Outcome  Outcome
}

// Over returns p, with its undecided fields taken from q.
func (p Plan) Over(q Plan) Plan {
	if p.Duration == 0 {
		p.Duration = q.Duration
	}
	if p.Outcome.Status == "" {
		p.Outcome = q.Outcome
	}
	return p
}

// ReadPlan returns the plan that a world gives for a resource. text must be empty or valid:
// World.Check has reported any other.
func ReadPlan(duration time.Duration, text string) Plan {
	out, _ := ParseOutcome(text)
	return Plan{duration, out}
}

// planMarker finds the marker in a JobName: the word emulator, followed by a duration, an
// outcome, or both, each after a dot, as in "web01.emulator.5s.FAILED.EcsClientError-k3v9x2".
// Every program accepts its characters in a name. It may be anywhere in the name, because
// programs add prefixes and suffixes; a blank or a "-" ends it.
var planMarker = regexp.MustCompile(`(?:^|[^A-Za-z0-9])emulator\.([A-Za-z0-9_.]*)`)

// NamedPlan returns the plan of the marker in a JobName. A name without a marker gives the zero
// plan. An invalid marker is an error, because it would have no effect, which its author would
// not notice.
func NamedPlan(name string) (Plan, error) {
	at := planMarker.FindStringSubmatchIndex(name)
	if at == nil {
		return Plan{}, nil
	}
	p, err := parseMarkerWords(strings.Split(name[at[2]:at[3]], "."))
	if err == nil {
		err = checkAfterMarker(name[at[3]:], p.Outcome.Status != "")
	}
	if err != nil {
		return Plan{}, fmt.Errorf("the marker for the emulator: %w", err)
	}
	return p, nil
}

// isDuration reports whether a word of a marker is a positive duration.
func isDuration(word string) bool {
	d, err := time.ParseDuration(word)
	return err == nil && d > 0
}

// parseMarkerWords reads at most one duration, then an outcome. The words after the outcome are
// its code, joined by dots.
func parseMarkerWords(words []string) (p Plan, err error) {
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

// wordsAfterMarker finds the words of a JobName after its marker for the emulator.
var wordsAfterMarker = regexp.MustCompile(`[A-Za-z0-9_]+`)

// upperCaseWord matches words that can only be meant as an outcome.
var upperCaseWord = regexp.MustCompile(`^[A-Z_]{2,}$`)

// checkAfterMarker returns an error if the text after a marker has a word that was probably
// meant to be part of the marker: a duration, or an outcome in capitals. ended says that the
// marker has an outcome already. Ids that programs append to a name have small letters and
// digits, so they never look like either.
func checkAfterMarker(rest string, ended bool) error {
	if rest != "" && rest[0] != '-' && rest[0] != ' ' {
		return fmt.Errorf("%q cannot stand behind it", rest)
	}
	if planMarker.MatchString(rest) {
		return fmt.Errorf("%q has a second one", rest)
	}
	for _, word := range wordsAfterMarker.FindAllString(rest, -1) {
		if isDuration(word) || slices.Contains(Outcomes, strings.ToUpper(word)) || !ended && upperCaseWord.MatchString(word) {
			return fmt.Errorf("%q stands behind it, not in it: a dot belongs before it", word)
		}
	}
	return nil
}
