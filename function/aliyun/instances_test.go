package aliyun_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
)

// tagged returns a response of DescribeInstances with these instances.
func tagged(instances ...string) string {
	return `{"RequestId":"R-1","NextToken":"","PageNumber":1,"PageSize":100,"TotalCount":0,"Instances":{"Instance":[` + strings.Join(instances, ",") + `]}}`
}

func TestDescribeInstancesReadsTags(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"DescribeInstances": answer(200, tagged(
		`{"InstanceId":"i-1","InstanceName":"web01","Tags":{"Tag":[{"TagKey":"team","TagValue":"web"},{"TagKey":"empty","TagValue":""}]}}`,
		`{"InstanceId":"i-2","Tags":{"Tag":[]}}`, `{"InstanceId":"i-3"}`, `{"InstanceId":"i-unasked","Tags":{"Tag":[{"TagKey":"team","TagValue":"web"}]}}`))})
	got, err := clientOf(t, server.URL).DescribeInstances(t.Context(), instanceCall().Target, []string{"i-1", "i-2", "i-3", "i-gone"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]string{"i-1": {"team": "web", "empty": ""}, "i-2": {}, "i-3": {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tags differ (-want +got):\n%s", diff)
	}
	call := server.call(t, 0)
	for name, want := range map[string]string{
		"Version": "2014-05-26", "RegionId": "cn-hangzhou", "MaxResults": "100", "InstanceIds": `["i-1","i-2","i-3","i-gone"]`,
	} {
		if got := call.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

// TestDescribeInstancesInChunks proves that one request has at most 100 ids, the limit of ECS.
// For no ids it makes no request.
func TestDescribeInstancesInChunks(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"DescribeInstances": answer(200, tagged())})
	client := clientOf(t, server.URL)
	ids := make([]string, 201)
	for i := range ids {
		ids[i] = fmt.Sprintf("i-%d", i)
	}
	for n, want := range map[int]int{0: 0, 100: 1, 201: 3} {
		before := server.count("")
		if _, err := client.DescribeInstances(t.Context(), instanceCall().Target, ids[:n]); err != nil {
			t.Fatal(err)
		}
		if got := server.count("") - before; got != want {
			t.Errorf("%d instances took %d requests, want %d", n, got, want)
		}
	}
}

// TestDescribeInstancesErrors proves that DescribeInstances returns an error if it could not
// read every instance. With an incomplete list, an instance would seem not to exist.
func TestDescribeInstancesErrors(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"forbidden":    {answer(403, `{"Code":"Forbidden.RAM","Message":"no","RequestId":"R-1"}`), backup.ErrRefused},
		"throttled":    {answer(400, `{"Code":"Throttling.User","Message":"slow","RequestId":"R-1"}`), backup.ErrThrottled},
		"server error": {answer(500, `{"Code":"InternalError","Message":"oops","RequestId":"R-1"}`), backup.ErrUnknownOutcome},
		"no list":      {answer(200, `{"RequestId":"R-1"}`), backup.ErrUnknownOutcome},
		"null list":    {answer(200, `{"RequestId":"R-1","Instances":null}`), backup.ErrUnknownOutcome},
		"other shape":  {answer(200, `{"RequestId":"R-1","Instances":{"Instance":{}}}`), backup.ErrUnknownOutcome},
		"no json":      {answer(200, `<html>`), backup.ErrUnknownOutcome},
		"redirect":     {answer(307, ``), backup.ErrUnknownOutcome},
	} {
		server := newCloud(t, map[string]http.HandlerFunc{"DescribeInstances": c.handler})
		got, err := clientOf(t, server.URL).DescribeInstances(t.Context(), instanceCall().Target, []string{"i-1"})
		if failed := cloudError(t, err); !errors.Is(failed, c.want) || got != nil {
			t.Errorf("%s: %v %v, want %v", name, got, err, c.want)
		}
	}
}

// TestTagsAreReadWithTheRightRole proves that tags are read with credentials that permit only
// reading instances. For an account with the access hbr_cross_account no request is made: it
// would read instances of the portal's own account. Requirement CD-1.
func TestTagsAreReadWithTheRightRole(t *testing.T) {
	server := newCloud(t, map[string]http.HandlerFunc{"AssumeRole": assumes(time.Hour), "DescribeInstances": answer(200, tagged())})
	client := clientOf(t, server.URL)
	if _, err := client.DescribeInstances(t.Context(), assumedCall().Target, []string{"i-1"}); err != nil {
		t.Fatal(err)
	}
	if got := server.call(t, 0).Get("Policy"); !strings.Contains(got, `"Action":["ecs:DescribeInstances"]`) {
		t.Errorf("the role was narrowed to %s", got)
	}
	across := instanceCall().Target
	across.Account.Access, across.Account.Role = backup.HBRCrossAccount, "hbrcrossrole"
	before := server.count("")
	if _, err := client.DescribeInstances(t.Context(), across, []string{"i-1"}); !errors.Is(err, backup.ErrRefused) || server.count("") != before {
		t.Errorf("across accounts: %v, %d requests", err, server.count("")-before)
	}
}
