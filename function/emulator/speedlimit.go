package emulator

import "strings"

// A speedRule limits the bandwidth in the hours from start up to end.
type speedRule struct{ start, end int64 }

// checkSpeedLimit reads rules joined by "|", each start:end:bandwidth, as in
// every sample value (the prose of the page writes "|" inside a rule as well).
// Hours are whole, bandwidth is KB/s or NaN for no limit, and no hour may be in
// two rules.
func checkSpeedLimit(text string) error {
	if text == "" {
		return nil
	}
	var rules []speedRule
	for part := range strings.SplitSeq(text, "|") {
		r, ok := parseSpeedRule(part)
		if !ok {
			return invalid("SpeedLimit", "%q is not of the form start:end:bandwidth", part)
		}
		for _, other := range rules {
			if r.start < other.end && other.start < r.end {
				return invalid("SpeedLimit", "%q overlaps another range", part)
			}
		}
		rules = append(rules, r)
	}
	return nil
}

// parseSpeedRule takes start 0 to 23 and end 1 to 24, so that no rule reaches
// over midnight.
func parseSpeedRule(text string) (r speedRule, ok bool) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return r, false
	}
	start, ok1 := decimal(parts[0])
	end, ok2 := decimal(parts[1])
	bandwidth, ok3 := decimal(parts[2])
	ok3 = ok3 && bandwidth > 0 || parts[2] == "NaN"
	return speedRule{start, end}, ok1 && ok2 && ok3 && start < end && end <= 24
}
