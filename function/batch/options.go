package batch

import (
	"strconv"
	"strings"
	"time"

	"backupportal/function/param"
	"backupportal/function/pattern"
)

// Options say how a batch is carried out. The zero Options start all items at [DefaultRate]. The
// JSON names are those of the fields.
type Options struct {
	// Concurrency is the largest number of items that are being started or whose jobs have not ended.
	// 0: no limit.
	Concurrency int `json:",omitempty"`
	// MaxErrors is how many items may fail: a number, or a number with "%" of all items. The batch
	// pauses when more have failed. Items that the check refused do not count. Empty: no limit.
	MaxErrors string `json:",omitempty"`
	// FirstBatch is how many of the allowed items are started first; the others wait until these have ended. 0: all.
	FirstBatch int `json:",omitempty"`
	// AfterFirst says what happens when the first items have ended. Empty means [AfterPause].
	AfterFirst AfterFirst `json:",omitempty"`
	// Rate is the highest rate at which items are started: a number, "/" and s, m or h, such as "30/m".
	// Empty means [DefaultRate].
	Rate string `json:",omitempty"`
	// OnRefused says what happens if the policy refuses an item. Empty means [RefusedSkip].
	OnRefused OnRefused `json:",omitempty"`
}

// AfterFirst says what happens when the first items of a batch have ended.
type AfterFirst string

// The values of [Options.AfterFirst].
const (
	AfterPause    AfterFirst = "pause"    // the batch pauses, so that a person can look at the results
	AfterContinue AfterFirst = "continue" // the batch goes on if all of them succeeded; otherwise it pauses
)

// OnRefused says what happens to a batch if the policy refuses an item.
type OnRefused string

// The values of [Options.OnRefused].
const (
	RefusedSkip OnRefused = "skip" // the others are started
	RefusedStop OnRefused = "stop" // nothing is started
)

// DefaultRate is the value of an empty [Options.Rate].
const DefaultRate = "20/s"

// OptionNames lists the names of the options.
var OptionNames = []string{"Concurrency", "MaxErrors", "FirstBatch", "AfterFirst", "Rate", "OnRefused"}

// Patterns of the options that are texts with a number.
const (
	MaxErrorsPattern = `[0-9]{1,5}%?`
	RatePattern      = `[1-9][0-9]{0,3}/(s|m|h)`
)

// MaxPerSecond is the highest [Options.Rate], in items per second.
const MaxPerSecond = 1000

// mistakes returns the mistakes in o.
func (o Options) mistakes() (bad []param.Mistake) {
	add := func(field, code string, text param.Text, args ...any) {
		bad = append(bad, param.Mistake{Field: field, Code: code, Text: text, Args: append([]any{field}, args...)})
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"Concurrency", o.Concurrency}, {"FirstBatch", o.FirstBatch}} {
		if n.value < 0 || n.value > MaxTargets {
			add(n.name, "between", msgBetween, 0, param.Count(MaxTargets))
		}
	}
	if percent, ok := strings.CutSuffix(o.MaxErrors, "%"); o.MaxErrors != "" {
		n, _ := strconv.Atoi(percent)
		if !pattern.Match(MaxErrorsPattern, o.MaxErrors) || ok && n > 100 {
			add("MaxErrors", "pattern", msgMaxErrors)
		}
	}
	if o.Rate != "" && o.interval() == 0 {
		add("Rate", "pattern", msgRate, param.Count(MaxPerSecond))
	}
	if o.AfterFirst != "" && o.AfterFirst != AfterPause && o.AfterFirst != AfterContinue {
		add("AfterFirst", "enum", msgOneOf, string(AfterPause), string(AfterContinue))
	}
	if o.OnRefused != "" && o.OnRefused != RefusedSkip && o.OnRefused != RefusedStop {
		add("OnRefused", "enum", msgOneOf, string(RefusedSkip), string(RefusedStop))
	}
	return bad
}

// interval returns the time between two items, or 0 if Rate is not valid.
func (o Options) interval() time.Duration {
	rate := o.Rate
	if rate == "" {
		rate = DefaultRate
	}
	if !pattern.Match(RatePattern, rate) {
		return 0
	}
	number, unit, _ := strings.Cut(rate, "/")
	n, _ := strconv.Atoi(number) // at most 4 digits
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	if interval := per / time.Duration(n); interval >= time.Second/MaxPerSecond {
		return interval
	}
	return 0
}

// Duration returns the shortest time in which n items are started.
func (o Options) Duration(n int) time.Duration { return time.Duration(n) * o.interval() }

// mostErrors returns how many of total items may fail, and whether there is a limit.
func (o Options) mostErrors(total int) (most int, limited bool) {
	if o.MaxErrors == "" {
		return 0, false
	}
	number, percent := strings.CutSuffix(o.MaxErrors, "%")
	n, err := strconv.Atoi(number)
	if percent {
		n = n * total / 100
	}
	return n, err == nil
}

// Messages about invalid options.
var (
	msgBetween   = param.Both("%v must be between %v and %v", "%v必须在 %v 到 %v 之间")
	msgMaxErrors = param.Both("%v must be a number such as 5, or a percentage such as 10%%", "%v必须是数字（例如 5）或百分比（例如 10%%）")
	msgRate      = param.Both("%v must be a number of items and a unit of time, such as 30/m, and at most %v/s",
		"%v必须由数量和时间单位组成，例如 30/m，且不超过 %v/s")
	msgOneOf = param.Both("%v must be %v or %v", "%v必须是 %v 或 %v")
)
