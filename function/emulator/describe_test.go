package emulator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"backupportal/function/emulator/hbr"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

func str(v any) string { return fmt.Sprint(v) }

func TestListingShape(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, portal, with(instanceOrder(), rpc.Params{"JobName": "web01-k3v9x2", "Detail": `{"diskIdList":["d-bp1demoweb01b"]}`}))
	f.clock.advance(11 * time.Second)
	a := f.call(t, portal, "DescribeBackupJobs2", rpc.Params{"SourceType": "UDM_ECS", "PageSize": "50"})
	for name, want := range map[string]string{
		"Success": "true", "Code": "200", "Message": "successful", "PageNumber": "1", "PageSize": "50", "TotalCount": "1",
	} {
		if got := str(a.body[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	j := a.body["BackupJobs"].(map[string]any)["BackupJob"].([]any)[0].(map[string]any)
	for name, want := range map[string]string{
		"JobId": id, "JobName": "web01-k3v9x2", "SourceType": "UDM_ECS", "BackupType": "COMPLETE", "Status": "RUNNING",
		"Progress": "5000", "InstanceId": "i-bp1demoweb01", "CreatedTime": "1767323045", "StartTime": "1767323047",
		"UpdatedTime": "1767323056", "CompleteTime": "0", "BytesTotal": "107374182400", "BytesDone": "53687091200",
		"Speed": "5825422", "ErrorMessage": "", "CrossAccountType": "SELF_ACCOUNT", "Paths": "map[Path:[]]",
	} {
		if got := str(j[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	d := j["Detail"].(map[string]any)
	info := d["InstanceInfos"].(map[string]any)["i-bp1demoweb01"].(map[string]any)
	if info["instanceName"] != "web01" || str(info["diskIds"]) != "[d-bp1demoweb01b]" {
		t.Errorf("InstanceInfos has %v", info)
	}
	snapshots := d["DiskNativeSnapshotIdList"].(map[string]any)["DiskNativeSnapshotId"].([]any)
	if len(snapshots) != 1 || !strings.HasPrefix(str(snapshots[0]), "s-") || !strings.HasPrefix(str(d["NativeSnapshotId"]), "s-") {
		t.Errorf("snapshots are %v and %v", snapshots, d["NativeSnapshotId"])
	}
}

func TestListingRepeatsParameters(t *testing.T) {
	f := newFixture(t)
	file := with(fileOrder(), rpc.Params{"Exclude": `["/home/cache"]`, "SpeedLimit": "0:24:5120", "Options": `{"UseVSS":false}`})
	f.create(t, portal, file)
	j := f.list(t, portal, rpc.Params{"SourceType": "ECS_FILE"})[0]
	for _, name := range []string{"Include", "Exclude", "SpeedLimit", "Options", "VaultId"} {
		if j[name] != file[name] {
			t.Errorf("%s is %v", name, j[name])
		}
	}
	if str(j["Paths"]) != "map[Path:[/home]]" || j["Detail"] != nil {
		t.Errorf("Paths %v, Detail %v", j["Paths"], j["Detail"])
	}
	id := f.create(t, portal, containerOrder())
	j = f.list(t, portal, rpc.Params{"Filters.1.Key": "JobId", "Filters.1.Values.1": id})[0]
	if j["Identifier"] != "c5bbd0931a30947f4ab85efd19380a72d" {
		t.Errorf("Identifier is %v", j["Identifier"])
	}
	f.create(t, portal, with(instanceOrder(), rpc.Params{"CrossAccountType": "CROSS_ACCOUNT",
		"CrossAccountUserId": world.DemoPaymentsAccount, "CrossAccountRoleName": "hbrcrossrole", "InstanceId": "i-bp2demopay01"}))
	j = f.list(t, portal, rpc.Params{"SourceType": "UDM_ECS"})[0]
	if j["CrossAccountType"] != "CROSS_ACCOUNT" || str(j["CrossAccountUserId"]) != world.DemoPaymentsAccount || j["CrossAccountRoleName"] != "hbrcrossrole" {
		t.Errorf("got %v %v %v", j["CrossAccountType"], j["CrossAccountUserId"], j["CrossAccountRoleName"])
	}
}

func TestJobsAreSeparateByAccountAndRegion(t *testing.T) {
	f := newFixture(t)
	role := f.assume(t, portal, nil)
	mine := f.create(t, portal, instanceOrder())
	theirs := f.create(t, role, with(instanceOrder(), rpc.Params{"InstanceId": "i-bp2demopay01"}))
	there := f.create(t, portal, with(instanceOrder(), rpc.Params{"InstanceId": "i-uf6demoweb03", "RegionId": "cn-shanghai"}))
	for _, tt := range []struct {
		name   string
		who    keys
		region string
		want   string
	}{
		{"own account", portal, "cn-hangzhou", mine},
		{"assumed role", role, "cn-hangzhou", theirs},
		{"other region", portal, "cn-shanghai", there},
	} {
		jobs := f.list(t, tt.who, rpc.Params{"RegionId": tt.region})
		if len(jobs) != 1 || jobs[0]["JobId"] != tt.want {
			t.Errorf("%s sees %v", tt.name, jobs)
		}
	}
	if jobs := f.list(t, role, rpc.Params{"RegionId": "cn-shanghai"}); len(jobs) != 0 {
		t.Errorf("the role sees %v in the other region", jobs)
	}
}

// threeJobs creates three jobs, ten seconds apart. The first job is complete when the third job is
// created.
func threeJobs(t *testing.T) (f *fixture, ids []string) {
	f = newFixture(t)
	for _, instance := range []string{"i-bp1demoweb01", "i-bp1demoweb02", "i-bp1demoweb01"} {
		ids = append(ids, f.create(t, portal, with(instanceOrder(), rpc.Params{"InstanceId": instance})))
		f.clock.advance(10 * time.Second)
	}
	f.clock.advance(-10 * time.Second)
	return f, ids
}

// filtered returns the parameters of a listing with one filter for each argument. An argument
// is a list of the key, the operator and the values of a filter.
func filtered(lines ...string) rpc.Params {
	p := rpc.Params{}
	for i, line := range lines {
		words := strings.Fields(line)
		prefix := fmt.Sprintf("Filters.%d.", i+1)
		p[prefix+"Key"] = words[0]
		if words[1] != "default" {
			p[prefix+"Operator"] = words[1]
		}
		for m, v := range words[2:] {
			p[fmt.Sprintf("%sValues.%d", prefix, m+1)] = v
		}
	}
	return p
}

func TestDescribeBackupJobsFilters(t *testing.T) {
	f, ids := threeJobs(t)
	for _, tt := range []struct {
		filters []string
		want    []int // newest first
	}{
		{nil, []int{2, 1, 0}},
		{[]string{"JobId IN " + ids[0] + " " + ids[2]}, []int{2, 0}},
		{[]string{"JobId default " + ids[1]}, []int{1}},
		{[]string{"JobId EQUAL " + ids[1]}, []int{1}},
		{[]string{"JobId NOT_EQUAL " + ids[1]}, []int{2, 0}},
		{[]string{"InstanceId EQUAL i-bp1demoweb01"}, []int{2, 0}},
		{[]string{"InstanceId EQUAL i-bp1"}, nil},
		{[]string{"VaultId EQUAL v-0001demovault01"}, nil},
		{[]string{"RegionId EQUAL cn-hangzhou"}, []int{2, 1, 0}},
		{[]string{"RegionId EQUAL cn-shanghai"}, nil},
		{[]string{"BackupType IN COMPLETE"}, []int{2, 1, 0}},
		{[]string{"PlanId EQUAL p-1"}, nil},
		{[]string{"Status EQUAL COMPLETE"}, []int{0}},
		{[]string{"Status IN CREATED RUNNING"}, []int{2, 1}},
		{[]string{"CreatedTime EQUAL 1767323055"}, []int{1}},
		{[]string{"CreatedTime NOT_EQUAL 1767323055"}, []int{2, 0}},
		{[]string{"CreatedTime GREATER_THAN 1767323055"}, []int{2}},
		{[]string{"CreatedTime GREATER_THAN_OR_EQUAL 1767323055"}, []int{2, 1}},
		{[]string{"CreatedTime LESS_THAN 1767323055"}, []int{0}},
		{[]string{"CreatedTime LESS_THAN_OR_EQUAL 1767323055"}, []int{1, 0}},
		{[]string{"CompleteTime LESS_THAN 1767323066"}, []int{0}},
		{[]string{"CompleteTime GREATER_THAN 1767323065"}, nil},
		{[]string{"InstanceId EQUAL i-bp1demoweb01", "CreatedTime GREATER_THAN_OR_EQUAL 1767323050"}, []int{2}},
		{[]string{"CreatedTime GREATER_THAN 1767323045", "CreatedTime LESS_THAN 1767323065"}, []int{1}},
	} {
		t.Run(strings.Join(tt.filters, ", "), func(t *testing.T) {
			var got []int
			for _, j := range f.list(t, portal, filtered(tt.filters...)) {
				got = append(got, slices.Index(ids, str(j["JobId"])))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("jobs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDescribeBackupJobsRefuses(t *testing.T) {
	f := newFixture(t)
	many := filtered("JobId IN a", "JobId IN a", "JobId IN a", "JobId IN a", "JobId IN a", "JobId IN a")
	long := "JobId IN" + strings.Repeat(" a", hbr.MaxFilterValues+1)
	for name, p := range map[string]rpc.Params{
		"a SourceType that is not listed":    {"SourceType": "CONTAINER"},
		"another direction":                  {"SortDirection": "UP"},
		"another edition":                    {"Edition": "GOLD"},
		"page zero":                          {"PageNumber": "0"},
		"a page that is no number":           {"PageNumber": "one"},
		"an empty page":                      {"PageSize": "0"},
		"a page of 100":                      {"PageSize": "100"},
		"six filters":                        many,
		"501 values":                         filtered(long),
		"a filter without values":            {"Filters.1.Key": "JobId"},
		"a filter without a key":             {"Filters.1.Values.1": "a"},
		"a key that does not exist":          filtered("Colour EQUAL red"),
		"a key in another case":              filtered("jobId EQUAL a"),
		"filters as json":                    {"Filters": `[{"Key":"JobId","Values":["a"]}]`},
		"a part that does not exist":         {"Filters.1.Key": "JobId", "Filters.1.Values.1": "a", "Filters.1.Value": "b"},
		"an operator that does not exist":    filtered("JobId LIKE a"),
		"two values that are to be equal":    filtered("JobId EQUAL a b"),
		"words by size":                      filtered("Status GREATER_THAN RUNNING"),
		"moments from a list":                filtered("CreatedTime IN 1767323055"),
		"moments by the default operator":    filtered("CompleteTime default 1767323055"),
		"moments between one":                filtered("CreatedTime BETWEEN 1"),
		"moments between three":              filtered("CreatedTime BETWEEN 1 2 3"),
		"disks without their job":            {"SourceType": "UDM_ECS_DISK"},
		"a moment in milliseconds and words": filtered("CreatedTime EQUAL 2026-01-02T03:04:05Z"),
	} {
		if a := f.call(t, portal, "DescribeBackupJobs2", p); a.status != 400 || a.code() != "InvalidParameter" {
			t.Errorf("%s: got %d %s", name, a.status, a.code())
		}
	}
}

func TestPagesInOrder(t *testing.T) {
	f := newFixture(t)
	var made []string
	for range 12 {
		made = append(made, f.create(t, portal, instanceOrder()))
	}
	newest := slices.Clone(made)
	slices.Reverse(newest)
	for _, tt := range []struct {
		name string
		p    rpc.Params
		want []string
	}{
		{"by default the newest ten", nil, newest[:10]},
		{"the rest", rpc.Params{"PageNumber": "2"}, newest[10:]},
		{"beyond the end", rpc.Params{"PageNumber": "3"}, nil},
		{"far beyond the end", rpc.Params{"PageNumber": "2147483647", "PageSize": "99"}, nil},
		{"another size", rpc.Params{"PageNumber": "2", "PageSize": "5"}, newest[5:10]},
		{"oldest first", rpc.Params{"SortDirection": "ASCEND", "PageSize": "3"}, made[:3]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, j := range f.list(t, portal, tt.p) {
				got = append(got, str(j["JobId"]))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("jobs (-want +got):\n%s", diff)
			}
		})
	}
	if a := f.call(t, portal, "DescribeBackupJobs2", rpc.Params{"PageNumber": "3"}); str(a.body["TotalCount"]) != "12" {
		t.Errorf("TotalCount is %v", a.body["TotalCount"])
	}
}

// TestPagesMatchWholeList proves for every page size that all pages of a listing together equal
// the whole list: no row is missing, and none occurs twice.
func TestPagesMatchWholeList(t *testing.T) {
	f := newFixture(t)
	total := 23
	for range total {
		f.create(t, portal, instanceOrder())
	}
	all := f.list(t, portal, rpc.Params{"PageSize": "99"})
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(1, 30).Draw(rt, "size")
		var pieces []map[string]any
		for number := 1; len(pieces) < total; number++ {
			piece := f.list(t, portal, rpc.Params{"PageNumber": str(number), "PageSize": str(size)})
			if len(piece) == 0 || len(piece) > size {
				rt.Fatalf("page %d has %d jobs", number, len(piece))
			}
			pieces = append(pieces, piece...)
		}
		if diff := cmp.Diff(all, pieces); diff != "" {
			rt.Fatalf("pages (-want +got):\n%s", diff)
		}
	})
}
