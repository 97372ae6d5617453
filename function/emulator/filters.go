package emulator

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Limits of Filters in the vendor's metadata.
const (
	maxFilters      = 5
	maxFilterValues = 500
)

// A filter is one of DescribeBackupJobs2's Filters.
type filter struct {
	key, operator string
	values        []string
	numbers       []int64 // the values of a key that is a moment
}

// filterKeys maps each documented key to the field of a job that it looks at.
// A key of things that no job here has is there with an empty field.
var filterKeys = map[string]func(v jobView, region string) string{
	"RegionId":     func(_ jobView, region string) string { return region },
	"JobId":        func(v jobView, _ string) string { return v.JobId },
	"VaultId":      func(v jobView, _ string) string { return v.VaultId },
	"InstanceId":   func(v jobView, _ string) string { return v.InstanceId },
	"Status":       func(v jobView, _ string) string { return v.Status },
	"BackupType":   func(v jobView, _ string) string { return v.BackupType },
	"PlanId":       func(jobView, string) string { return "" },
	"Bucket":       func(jobView, string) string { return "" },
	"FileSystemId": func(jobView, string) string { return "" },
	"InstanceName": func(jobView, string) string { return "" },
	"ParentId":     func(jobView, string) string { return "" },
}

// timeKeys are the keys whose values are UNIX seconds.
var timeKeys = map[string]func(v jobView) int64{
	"CreatedTime":  func(v jobView) int64 { return v.CreatedTime },
	"CompleteTime": func(v jobView) int64 { return v.CompleteTime },
}

var filterName = regexp.MustCompile(`^Filters\.([0-9]+)\.(?:(Key|Operator)|Values\.([0-9]+))$`)

// parseFilters gathers the flattened list. Gaps in the numbering do not matter,
// but a filter without a key or values is an error: it would let everything by.
func parseFilters(p params) ([]filter, error) {
	byIndex := map[int]*filter{}
	values := map[int]map[int]string{}
	for name, v := range p {
		m := filterName.FindStringSubmatch(name)
		if m == nil {
			if strings.HasPrefix(name, "Filters") {
				return nil, invalid(name, "filters are flattened as Filters.N.Key, .Operator and .Values.M")
			}
			continue
		}
		n, _ := strconv.Atoi(m[1])
		if byIndex[n] == nil {
			byIndex[n], values[n] = &filter{}, map[int]string{}
		}
		switch m[2] {
		case "Key":
			byIndex[n].key = v
		case "Operator":
			byIndex[n].operator = v
		default:
			i, _ := strconv.Atoi(m[3])
			values[n][i] = v
		}
	}
	if len(byIndex) > maxFilters {
		return nil, invalid("Filters", "at most %d filters are allowed", maxFilters)
	}
	var filters []filter
	for _, n := range slices.Sorted(maps.Keys(byIndex)) {
		f := *byIndex[n]
		for _, i := range slices.Sorted(maps.Keys(values[n])) {
			f.values = append(f.values, values[n][i])
		}
		if err := f.check(); err != nil {
			return nil, err
		}
		filters = append(filters, f)
	}
	return filters, nil
}

// check fills in the operator's default, IN, and the numbers.
func (f *filter) check() error {
	if f.operator == "" {
		f.operator = "IN"
	}
	_, isTime := timeKeys[f.key]
	switch _, known := filterKeys[f.key]; {
	case !known && !isTime:
		return invalid("Filters", "the key %q is not known", f.key)
	case len(f.values) == 0 || len(f.values) > maxFilterValues:
		return invalid("Filters", "%s has no values, or more than %d", f.key, maxFilterValues)
	case isTime:
		return f.checkTime()
	}
	switch {
	case f.operator == "IN":
		return nil
	case f.operator != "EQUAL" && f.operator != "NOT_EQUAL":
		return invalid("Filters", "%s cannot be compared by %q", f.key, f.operator)
	case len(f.values) != 1:
		return invalid("Filters", "%s takes one value with %s", f.key, f.operator)
	}
	return nil
}

// checkTime refuses IN, which numeric keys do not take, and BETWEEN, of whose
// two documented forms nobody knows which one holds.
func (f *filter) checkTime() error {
	if compare[f.operator] == nil {
		return invalid("Filters", "%s cannot be compared by %q", f.key, f.operator)
	}
	if len(f.values) != 1 {
		return invalid("Filters", "%s takes one value with %s", f.key, f.operator)
	}
	n, ok := decimal(f.values[0])
	if !ok {
		return invalid("Filters", "%s: %q is not a number of seconds", f.key, f.values[0])
	}
	f.numbers = []int64{n}
	return nil
}

// compare has the operators for moments.
var compare = map[string]func(have, want int64) bool{
	"EQUAL":                 func(have, want int64) bool { return have == want },
	"NOT_EQUAL":             func(have, want int64) bool { return have != want },
	"GREATER_THAN":          func(have, want int64) bool { return have > want },
	"GREATER_THAN_OR_EQUAL": func(have, want int64) bool { return have >= want },
	"LESS_THAN":             func(have, want int64) bool { return have < want },
	"LESS_THAN_OR_EQUAL":    func(have, want int64) bool { return have <= want },
}

// passes reports whether a job is let by all filters.
func passes(filters []filter, v jobView, region string) bool {
	return !slices.ContainsFunc(filters, func(f filter) bool { return !f.passes(v, region) })
}

// passes treats a moment that has not come as no moment at all: it is neither
// before nor after anything.
func (f filter) passes(v jobView, region string) bool {
	if moment, ok := timeKeys[f.key]; ok {
		have := moment(v)
		return have != 0 && compare[f.operator](have, f.numbers[0])
	}
	found := slices.Contains(f.values, filterKeys[f.key](v, region))
	return found != (f.operator == "NOT_EQUAL")
}
