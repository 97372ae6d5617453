package param

import (
	"fmt"
	"strconv"
	"strings"
)

// A Window is one part of a SpeedLimit: the bandwidth during some hours of each day.
type Window struct {
	Start int   // the first hour, 0 to 23
	End   int   // the hour after the last one, 1 to 24; greater than Start
	Rate  int64 // in KB/s; 0 means no limit, which the API writes as "NaN"
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

// maxWindows is how many windows a day has room for: one an hour.
const maxWindows = 24

// ParseSpeedLimit reads a value of the parameter SpeedLimit:
//
//	limit     = window *23( "|" window )
//	window    = start ":" end ":" bandwidth
//	start     = 0 … 23    ; full hours
//	end       = 1 … 24    ; greater than start
//	bandwidth = 1 … 2^40  ; KB/s
//	          / "NaN"     ; no limit
//
// Windows must not overlap; their order does not matter. The error is an [InvalidError]
// with the code "window_count" for too many windows, "window_form" for a wrong form, or
// "window_order" or "window_overlap" for the first wrong hour of each window; with the last two,
// the windows are returned too.
//
// Source: the API page of CreateBackupJob. Its description of the format shows "|" inside
// a window too, but every example has colons.
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

// parseWindow reads one window. It checks the range of each number, but not that the end
// is after the start.
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

// decimal reads a number from 0 to limit. Only digits are allowed: no sign, no blanks.
func decimal(s string, limit int64) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n <= limit
}
