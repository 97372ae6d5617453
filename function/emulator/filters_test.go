package emulator

import (
	"cmp"
	"slices"
	"strconv"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"backupportal/function/emulator/rpc"
)

func TestDiskRowsOfJob(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, portal, instanceOrder())
	f.create(t, portal, instanceOrder())
	f.create(t, portal, fileOrder())
	f.clock.advance(11 * time.Second)
	rows := f.list(t, portal, with(filtered("ParentId EQUAL "+id), rpc.Params{"SourceType": "UDM_ECS_DISK"}))
	if len(rows) != 2 || rows[0]["JobId"] == id || rows[0]["JobId"] == rows[1]["JobId"] {
		t.Fatalf("got %v", rows)
	}
	for n, want := range []int64{40 << 30, 100 << 30} {
		d := rows[n]["Detail"].(map[string]any)
		snapshots := d["DiskNativeSnapshotIdList"].(map[string]any)["DiskNativeSnapshotId"].([]any)
		if rows[n]["SourceType"] != "UDM_ECS_DISK" || str(rows[n]["BytesTotal"]) != str(want) || str(rows[n]["Progress"]) != "5000" ||
			len(snapshots) != 1 || snapshots[0] != d["NativeSnapshotId"] {
			t.Errorf("disk %d is %v", n, rows[n])
		}
	}
	one := filtered("ParentId IN "+id, "JobId EQUAL "+str(rows[1]["JobId"]))
	if got := f.list(t, portal, with(one, rpc.Params{"SourceType": "UDM_ECS_DISK"})); len(got) != 1 || got[0]["JobId"] != rows[1]["JobId"] {
		t.Errorf("by its own id: %v", got)
	}
	// Only the rows of disks have a ParentId.
	if got := f.list(t, portal, filtered("ParentId EQUAL "+id)); len(got) != 0 {
		t.Errorf("without SourceType: %v", got)
	}
}

func TestBetweenIncludesBothEnds(t *testing.T) {
	f, ids := threeJobs(t)
	for _, text := range []string{"1767323050 1767323060", "[1767323050,1767323060]", "1767323055 1767323055"} {
		got := f.list(t, portal, filtered("CreatedTime BETWEEN "+text))
		if len(got) != 1 || got[0]["JobId"] != ids[1] {
			t.Errorf("%s: %v", text, got)
		}
	}
	if got := f.list(t, portal, filtered("CreatedTime BETWEEN 1767323060 1767323050")); len(got) != 0 {
		t.Errorf("from later to earlier: %v", got)
	}
}

func TestBasicEditionIsEmpty(t *testing.T) {
	f, _ := threeJobs(t)
	if got := len(f.list(t, portal, rpc.Params{"Edition": "BASIC"})); got != 0 {
		t.Errorf("%d are", got)
	}
	if got := len(f.list(t, portal, rpc.Params{"Edition": "STANDARD"})); got != 3 {
		t.Errorf("%d are of the other", got)
	}
}

// referenceMatches is a second implementation of filters, for comparison. It evaluates a filter
// on one job as the listing returned it.
func referenceMatches(f sentFilter, row map[string]any) bool {
	have := str(row[f.key])
	equal := func(v string) bool { return v == have }
	seconds, err := strconv.ParseInt(have, 10, 64)
	if f.key != "CreatedTime" && f.key != "CompleteTime" {
		return slices.ContainsFunc(f.values, equal) != (f.operator == "NOT_EQUAL")
	}
	if err != nil || seconds == 0 {
		return false
	}
	order := func(n int) int { v, _ := strconv.ParseInt(f.values[n], 10, 64); return cmp.Compare(seconds, v) }
	switch f.operator {
	case "EQUAL":
		return order(0) == 0
	case "NOT_EQUAL":
		return order(0) != 0
	case "GREATER_THAN":
		return order(0) > 0
	case "GREATER_THAN_OR_EQUAL":
		return order(0) >= 0
	case "LESS_THAN":
		return order(0) < 0
	case "LESS_THAN_OR_EQUAL":
		return order(0) <= 0
	}
	return order(0) >= 0 && order(1) <= 0
}

// A sentFilter is one element of Filters in a request.
type sentFilter struct {
	key, operator string
	values        []string
}

// TestFiltersMatchReference proves for random filters, sort directions and SourceTypes that a
// filtered listing equals the whole listing without the jobs that do not match.
func TestFiltersMatchReference(t *testing.T) {
	f := newFixture(t)
	for _, order := range []rpc.Params{instanceOrder(), fileOrder(), containerOrder(), with(instanceOrder(), rpc.Params{"InstanceId": "i-bp1demofail01"}),
		with(fileOrder(), rpc.Params{"BackupType": "INCREMENTAL"}), instanceOrder()} {
		f.create(t, portal, order)
		f.clock.advance(7 * time.Second)
	}
	all := f.list(t, portal, rpc.Params{"PageSize": "99"})
	texts := map[string][]string{"JobId": {"job-000nothing"}, "InstanceId": {""}, "Status": {"QUEUED"}, "VaultId": {""}, "BackupType": {"SNAPSHOT"}}
	moments := map[string][]string{"CreatedTime": {"1"}, "CompleteTime": {"4102444800"}}
	for _, row := range all {
		for _, values := range []map[string][]string{texts, moments} {
			for key := range values {
				values[key] = append(values[key], str(row[key]))
			}
		}
	}
	one := rapid.Custom(func(t *rapid.T) sentFilter {
		if rapid.Bool().Draw(t, "by a moment") {
			key := rapid.SampledFrom([]string{"CreatedTime", "CompleteTime"}).Draw(t, "key")
			op := rapid.SampledFrom([]string{"EQUAL", "NOT_EQUAL", "GREATER_THAN", "GREATER_THAN_OR_EQUAL", "LESS_THAN", "LESS_THAN_OR_EQUAL", "BETWEEN"}).Draw(t, "operator")
			count := map[bool]int{false: 1, true: 2}[op == "BETWEEN"]
			return sentFilter{key: key, operator: op, values: rapid.SliceOfN(rapid.SampledFrom(moments[key]), count, count).Draw(t, "values")}
		}
		key := rapid.SampledFrom([]string{"JobId", "InstanceId", "Status", "VaultId", "BackupType"}).Draw(t, "key")
		op := rapid.SampledFrom([]string{"IN", "EQUAL", "NOT_EQUAL"}).Draw(t, "operator")
		most := map[bool]int{false: 1, true: 3}[op == "IN"]
		return sentFilter{key: key, operator: op, values: rapid.SliceOfN(rapid.SampledFrom(texts[key]), 1, most).Draw(t, "values")}
	})
	rapid.Check(t, func(rt *rapid.T) {
		p := rpc.Params{"PageSize": "99"}
		filters := rapid.SliceOfN(one, 0, 3).Draw(rt, "filters")
		for n, flt := range filters {
			prefix := "Filters." + str(n+1)
			p[prefix+".Key"], p[prefix+".Operator"] = flt.key, flt.operator
			for m, v := range flt.values {
				p[prefix+".Values."+str(m+1)] = v
			}
		}
		kind := rapid.SampledFrom([]string{"", "UDM_ECS", "ECS_FILE"}).Draw(rt, "SourceType")
		p["SourceType"] = kind
		want := slices.DeleteFunc(slices.Clone(all), func(row map[string]any) bool {
			return (kind != "" && row["SourceType"] != kind) || slices.ContainsFunc(filters, func(flt sentFilter) bool { return !referenceMatches(flt, row) })
		})
		if rapid.Bool().Draw(rt, "ascending") {
			p["SortDirection"] = "ASCEND"
			slices.Reverse(want)
		}
		got := f.list(t, portal, p)
		if diff := gocmp.Diff(append([]map[string]any{}, want...), append([]map[string]any{}, got...)); diff != "" {
			rt.Fatalf("jobs (-want +got):\n%s", diff)
		}
	})
}
