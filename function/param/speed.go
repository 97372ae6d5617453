package param

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/width"
)

// A Window is one part of a SpeedLimit: the bandwidth during some hours of each day.
type Window struct {
	Start int   // the first hour, 0 to 23
	End   int   // the hour after the last one, 1 to 24; greater than Start
	Rate  int64 // bandwidth in KB/s; 0 means no limit, which the API writes as "NaN"
}

// String returns w in the API's form, start:end:bandwidth.
func (w Window) String() string {
	rate := "NaN"
	if w.Rate > 0 {
		rate = strconv.FormatInt(w.Rate, 10)
	}
	return fmt.Sprintf("%d:%d:%s", w.Start, w.End, rate)
}

// SpeedLimit returns the value of the parameter SpeedLimit for windows: see
// [ParseSpeedLimit]. It returns "" for no windows.
func SpeedLimit(windows []Window) string {
	rules := make([]string, len(windows))
	for i, w := range windows {
		rules[i] = w.String()
	}
	return strings.Join(rules, "|")
}

// maxWindows is the maximum number of windows in a SpeedLimit: one for each hour of a day.
const maxWindows = 24

// ParseSpeedLimit reads a value of the parameter SpeedLimit:
//
//	limit     = window *23( "|" window )
//	window    = start ":" end ":" bandwidth
//	start     = 0 … 23    ; full hours
//	end       = 0 … 24    ; not start; less than start: on the next day
//	bandwidth = 1 … 2^40  ; KB/s
//	          / "NaN"     ; no limit; case is ignored
//
// A window that passes midnight, such as 22:6, is returned as two: 22:24 and 0:6. Full-width
// characters are read as ASCII, and blanks around a number are ignored. Windows must not overlap;
// their order does not matter. The error is an [InvalidError]
// with the code "window_count" for too many windows, "window_form" for a wrong form, or
// "window_order" or "window_overlap" for the first wrong hour of each window; with the last two,
// the windows are returned too.
//
// Source: the API page of CreateBackupJob. Its description of the format shows "|" inside
// a window too, but every example has colons.
func ParseSpeedLimit(s string) ([]Window, error) {
	var windows []Window
	var origins []int // the position in s of each of windows
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
	for i, rule := range strings.Split(width.Narrow.String(s), "|") {
		w, ok := parseWindow(rule)
		if !ok {
			return nil, InvalidError{{Field: "SpeedLimit", Code: "window_form", Text: msgWindowForm}}
		}
		if w.End == w.Start {
			wrong(i, "end", "window_order", msgWindowOrder, i+1)
			windows, origins = append(windows, w), append(origins, i)
			continue
		}
		parts := w.splitAtMidnight()
		if j := slices.IndexFunc(windows, func(earlier Window) bool { return earlier.overlaps(parts) }); j >= 0 {
			wrong(i, "start", "window_overlap", msgWindowOverlap, i+1, origins[j]+1)
		}
		for _, part := range parts {
			windows, origins = append(windows, part), append(origins, i)
		}
	}
	return windows, bad.OrNil()
}

// splitAtMidnight returns w as windows that do not pass midnight. If w ends before its start,
// it passes midnight and becomes two windows. An end at 0 is the end of the day.
func (w Window) splitAtMidnight() []Window {
	if w.End >= w.Start {
		return []Window{w}
	}
	parts := []Window{{w.Start, 24, w.Rate}}
	if w.End > 0 {
		parts = append(parts, Window{0, w.End, w.Rate})
	}
	return parts
}

// overlaps reports whether w shares an hour with any window of others.
func (w Window) overlaps(others []Window) bool {
	return slices.ContainsFunc(others, func(o Window) bool { return w.Start < o.End && o.Start < w.End })
}

// parseWindow reads one window. It checks the range of each number, but not their order.
func parseWindow(rule string) (w Window, ok bool) {
	parts := strings.Split(rule, ":")
	if len(parts) != 3 {
		return w, false
	}
	for i, part := range parts {
		parts[i] = strings.TrimSpace(part)
	}
	start, ok1 := decimal(parts[0], 23)
	end, ok2 := decimal(parts[1], 24)
	if strings.EqualFold(parts[2], "NaN") { // Python writes nan
		return Window{int(start), int(end), 0}, ok1 && ok2
	}
	rate, ok3 := decimal(parts[2], 1<<40)
	return Window{int(start), int(end), rate}, ok1 && ok2 && ok3 && rate > 0
}

// decimal reads a number from 0 to limit. Only digits are allowed: no sign, no blanks.
func decimal(s string, limit int64) (int64, bool) {
	if !isDigits(s) {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n <= limit
}
