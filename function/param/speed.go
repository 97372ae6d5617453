package param

import (
	"fmt"
	"strconv"
	"strings"
)

// A Window is one rule of a SpeedLimit: from hour Start (0 to 23) to hour End
// (1 to 24) at most Rate KB/s; a Rate of 0 means no limit, "NaN" on the wire.
type Window struct {
	Start, End int
	Rate       int64 // KB/s
}

// String writes w as the API wants it, start:end:bandwidth.
func (w Window) String() string {
	rate := "NaN"
	if w.Rate > 0 {
		rate = strconv.FormatInt(w.Rate, 10)
	}
	return fmt.Sprintf("%d:%d:%s", w.Start, w.End, rate)
}

// SpeedLimit is the value of SpeedLimit that has these windows.
func SpeedLimit(windows []Window) string {
	rules := make([]string, len(windows))
	for i, w := range windows {
		rules[i] = w.String()
	}
	return strings.Join(rules, "|")
}

// maxWindows is how many windows a day has room for: one an hour.
const maxWindows = 24

// ParseSpeedLimit reads rules of the form start:end:bandwidth, joined by "|":
// whole hours, KB/s or NaN, at most 24 rules. The pages of the API draw the format with bars
// inside a rule, too, but every value they show has colons. Windows must not
// overlap. The error is an [InvalidError].
func ParseSpeedLimit(s string) ([]Window, error) {
	var windows []Window
	var bad InvalidError
	wrong := func(i int, part, code string, text Text, args ...any) {
		bad = append(bad, Mistake{
			Field: "SpeedLimit",
			Part:  fmt.Sprintf("SpeedLimit.%d.%s", i, part),
			Code:  code,
			Text:  text,
			Args:  args,
		})
	}
	if strings.Count(s, "|") >= maxWindows {
		return nil, InvalidError{{
			Field: "SpeedLimit", Code: "window_count", Text: msgWindowCount, Args: []any{Count(maxWindows)},
		}}
	}
	for i, rule := range strings.Split(s, "|") {
		w, ok := parseWindow(rule)
		if !ok {
			return nil, InvalidError{{Field: "SpeedLimit", Code: "window_form", Text: msgWindowForm}}
		}
		if w.End <= w.Start {
			wrong(i, "end", "window_order", msgWindowOrder, i+1)
		}
		for j, earlier := range windows {
			if w.Start < w.End && w.Start < earlier.End && earlier.Start < w.End {
				wrong(i, "start", "window_overlap", msgWindowOverlap, i+1, j+1)
				break
			}
		}
		windows = append(windows, w)
	}
	return windows, bad.OrNil()
}

// parseWindow reads one rule; its hours are in range, not yet in order.
func parseWindow(rule string) (w Window, ok bool) {
	parts := strings.Split(rule, ":")
	if len(parts) != 3 {
		return w, false
	}
	start, ok1 := decimal(parts[0], 23)
	end, ok2 := decimal(parts[1], 24)
	if parts[2] == "NaN" {
		return Window{int(start), int(end), 0}, ok1 && ok2 && end > 0
	}
	rate, ok3 := decimal(parts[2], 1<<40)
	return Window{int(start), int(end), rate}, ok1 && ok2 && ok3 && end > 0 && rate > 0
}

// decimal reads digits, and nothing but digits, up to most.
func decimal(s string, most int64) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n <= most
}
