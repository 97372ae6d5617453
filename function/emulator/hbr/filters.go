package hbr

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"backupportal/function/emulator/rpc"
)

// Limits of Filters, from the vendor's metadata.
const (
	maxFilters      = 5
	MaxFilterValues = 500
)

// A filter is one element of Filters.
type filter struct {
	key, operator string
	values        []string
	numbers       []int64 // values of a key that is a time, parsed by check
}

// filterKeys has for each documented key of a filter a function that returns the compared field
// of a job. For keys of source types that are not emulated, the function returns "".
var filterKeys = map[string]func(l listedJob, now time.Time) string{
	"RegionId":     func(l listedJob, _ time.Time) string { return l.Region },
	"JobId":        func(l listedJob, _ time.Time) string { return l.id() },
	"ParentId":     func(l listedJob, _ time.Time) string { return l.parent() },
	"VaultId":      func(l listedJob, _ time.Time) string { return l.Params["VaultId"] },
	"InstanceId":   func(l listedJob, _ time.Time) string { return l.Params["InstanceId"] },
	"Status":       func(l listedJob, now time.Time) string { return l.Schedule.At(now).Status },
	"BackupType":   func(l listedJob, _ time.Time) string { return l.backupType() },
	"PlanId":       func(listedJob, time.Time) string { return "" },
	"Bucket":       func(listedJob, time.Time) string { return "" },
	"FileSystemId": func(listedJob, time.Time) string { return "" },
	"InstanceName": func(listedJob, time.Time) string { return "" },
}

// timeKeys return the time that a key compares, in UNIX seconds; 0: not reached yet.
var timeKeys = map[string]func(l listedJob, now time.Time) int64{
	"CreatedTime":  func(l listedJob, _ time.Time) int64 { return l.Schedule.Created.Unix() },
	"CompleteTime": func(l listedJob, now time.Time) int64 { return unix(l.Schedule.At(now).Ended) },
}

// filterName matches a parameter of the flattened list of filters.
var filterName = regexp.MustCompile(`^Filters\.([0-9]+)\.(?:(Key|Operator)|Values\.([0-9]+))$`)

// parseFilters reads and checks the Filters of DescribeBackupJobs2. A filter without a key or
// without values is an error, because it would match every job.
func parseFilters(p rpc.Params) ([]filter, error) {
	filters, err := gatherFilters(p)
	for i := range filters {
		if err == nil {
			err = filters[i].check()
		}
	}
	return filters, err
}

// gatherFilters reads the parameters Filters.N.Key, Filters.N.Operator and Filters.N.Values.M.
// It orders the filters by N and their values by M; both may have gaps.
func gatherFilters(p rpc.Params) ([]filter, error) {
	byIndex := map[int]*filter{}
	values := map[int]map[int]string{}
	for name, v := range p {
		m := filterName.FindStringSubmatch(name)
		if m == nil {
			if strings.HasPrefix(name, "Filters") {
				return nil, rpc.Invalid(name, "filters are flattened as Filters.N.Key, .Operator and .Values.M")
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
		return nil, rpc.Invalid("Filters", "at most %d filters are allowed", maxFilters)
	}
	var filters []filter
	for _, n := range slices.Sorted(maps.Keys(byIndex)) {
		f := *byIndex[n]
		for _, i := range slices.Sorted(maps.Keys(values[n])) {
			f.values = append(f.values, values[n][i])
		}
		filters = append(filters, f)
	}
	return filters, nil
}

// check checks the filter. It sets the default operator IN and the field numbers.
func (f *filter) check() error {
	if f.operator == "" {
		f.operator = "IN"
	}
	_, isTime := timeKeys[f.key]
	switch _, known := filterKeys[f.key]; {
	case !known && !isTime:
		return rpc.Invalid("Filters", "the key %q is not known", f.key)
	case len(f.values) == 0 || len(f.values) > MaxFilterValues:
		return rpc.Invalid("Filters", "%s has no values, or more than %d", f.key, MaxFilterValues)
	case isTime:
		return f.checkTime()
	}
	switch {
	case f.operator == "IN":
		return nil
	case f.operator != "EQUAL" && f.operator != "NOT_EQUAL":
		return rpc.Invalid("Filters", "%s cannot be compared by %q", f.key, f.operator)
	case len(f.values) != 1:
		return rpc.Invalid("Filters", "%s takes one value with %s", f.key, f.operator)
	}
	return nil
}

// checkTime checks a filter on a time. It refuses IN, which the API does not offer for times.
func (f *filter) checkTime() error {
	values, wanted := f.values, 1
	switch {
	case f.operator == "BETWEEN":
		values, wanted = f.between(), 2
	case compare[f.operator] == nil:
		return rpc.Invalid("Filters", "%s cannot be compared by %q", f.key, f.operator)
	}
	if len(values) != wanted {
		return rpc.Invalid("Filters", "%s takes %d values with %s", f.key, wanted, f.operator)
	}
	for _, v := range values {
		n, ok := rpc.Decimal(v)
		if !ok {
			return rpc.Invalid("Filters", "%s: %q is not a number of seconds", f.key, v)
		}
		f.numbers = append(f.numbers, n)
	}
	return nil
}

// between returns the two bounds of the operator BETWEEN. It accepts two forms, because it is
// unknown which one the real service accepts: two values, as the vendor's Terraform provider
// sends them, and one value that is a JSON array, as the vendor's page says.
func (f *filter) between() []string {
	var pair []json.Number
	if len(f.values) != 1 || json.Unmarshal([]byte(f.values[0]), &pair) != nil {
		return f.values
	}
	var texts []string
	for _, n := range pair {
		texts = append(texts, n.String())
	}
	return texts
}

// compare has a function for each operator that compares times.
var compare = map[string]func(have, want int64) bool{
	"EQUAL":                 func(have, want int64) bool { return have == want },
	"NOT_EQUAL":             func(have, want int64) bool { return have != want },
	"GREATER_THAN":          func(have, want int64) bool { return have > want },
	"GREATER_THAN_OR_EQUAL": func(have, want int64) bool { return have >= want },
	"LESS_THAN":             func(have, want int64) bool { return have < want },
	"LESS_THAN_OR_EQUAL":    func(have, want int64) bool { return have <= want },
}

// passes reports whether a row matches all filters.
func passes(filters []filter, l listedJob, now time.Time) bool {
	return !slices.ContainsFunc(filters, func(f filter) bool { return !f.passes(l, now) })
}

// passes reports whether a row matches the filter. A time that is not reached yet matches no
// filter on it.
func (f filter) passes(l listedJob, now time.Time) bool {
	moment, isTime := timeKeys[f.key]
	if !isTime {
		found := slices.Contains(f.values, filterKeys[f.key](l, now))
		return found != (f.operator == "NOT_EQUAL")
	}
	have := moment(l, now)
	switch {
	case have == 0:
		return false
	case f.operator == "BETWEEN":
		return f.numbers[0] <= have && have <= f.numbers[1]
	}
	return compare[f.operator](have, f.numbers[0])
}
