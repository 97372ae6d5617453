package emulator

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	"github.com/google/go-cmp/cmp"

	"backupportal/function/emulator/world"
)

// manyInstances returns the demo world with 230 instances in cn-hangzhou. Every third instance has
// a tag. Every tenth instance is stopped and has a second disk.
func manyInstances() *world.World {
	w := world.Demo()
	a := &w.Accounts[0]
	a.Instances, a.Clients = nil, nil
	for n := range 230 {
		i := world.Instance{
			ID: fmt.Sprintf("i-bp1crowd%03d", n), Name: fmt.Sprintf("crowd-%03d", n), Region: "cn-hangzhou", OS: "linux",
			PrivateIPs: []string{fmt.Sprintf("172.16.1.%d", n)},
			Disks:      []world.Disk{{ID: fmt.Sprintf("d-bp1crowd%03da", n), Category: "cloud_essd", Type: "system", GiB: 40}},
		}
		if n%3 == 0 {
			i.Tags = map[string]string{"team": "web", "order": fmt.Sprint(n)}
		}
		if n%10 == 0 {
			i.Status = "Stopped"
			i.Disks = append(i.Disks, world.Disk{ID: fmt.Sprintf("d-bp1crowd%03db", n), Category: "cloud_ssd", Type: "data", GiB: 200, MultiAttach: true})
		}
		a.Instances = append(a.Instances, i)
	}
	return w
}

// typedECS returns a client of the vendor's typed SDK for ECS, and the address that it calls.
func typedECS(t *testing.T, w *world.World) (client *ecs.Client, domain string) {
	t.Helper()
	c, err := New(Options{World: w})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	ecs.GetEndpointMap() // fills a table now, because the constructor of a client fills it without a lock
	client, err = ecs.NewClientWithOptions("cn-hangzhou", sdk.NewConfig().WithScheme(requests.HTTP),
		credentials.NewStaticSTSCredentialsProvider(world.DemoKey, world.DemoSecret, ""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Shutdown)
	return client, strings.TrimPrefix(srv.URL, "http://")
}

// expected returns "id name" of each instance of the first account in cn-hangzhou for which the
// function wanted returns true.
func expected(w *world.World, wanted func(world.Instance) bool) (names []string) {
	for _, i := range w.Accounts[0].Instances {
		if i.Region == "cn-hangzhou" && wanted(i) {
			names = append(names, i.ID+" "+i.Name)
		}
	}
	return names
}

func TestTypedSDKReadsAllPages(t *testing.T) {
	w := manyInstances()
	client, domain := typedECS(t, w)
	for _, tt := range []struct {
		name   string
		size   requests.Integer
		pages  int
		ask    func(*ecs.DescribeInstancesRequest)
		wanted func(world.Instance) bool
	}{
		{"by tens, which is the default", "", 23, func(r *ecs.DescribeInstancesRequest) {}, func(world.Instance) bool { return true }},
		{"by fifties", "50", 5, func(r *ecs.DescribeInstancesRequest) {}, func(world.Instance) bool { return true }},
		{"by hundreds, though more were asked for", "1000", 3, func(r *ecs.DescribeInstancesRequest) {}, func(world.Instance) bool { return true }},
		{"with a tag", "20", 4,
			func(r *ecs.DescribeInstancesRequest) {
				r.Tag = &[]ecs.DescribeInstancesTag{{Key: "team", Value: "web"}}
			},
			func(i world.Instance) bool { return i.Tags["team"] == "web" }},
		{"stopped and of a name", "10", 3,
			func(r *ecs.DescribeInstancesRequest) { r.Status, r.InstanceName = "Stopped", "crowd-*" },
			func(i world.Instance) bool { return i.Status == "Stopped" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var names []string
			r := ecs.CreateDescribeInstancesRequest()
			r.Domain, r.Scheme, r.MaxResults = domain, requests.HTTP, tt.size
			tt.ask(r)
			pages := 0
			for {
				resp, err := client.DescribeInstances(r)
				if err != nil {
					t.Fatal(err)
				}
				pages++
				for _, i := range resp.Instances.Instance {
					names = append(names, i.InstanceId+" "+i.InstanceName)
				}
				if resp.NextToken == "" {
					break
				}
				r.NextToken = resp.NextToken
			}
			if diff := cmp.Diff(expected(w, tt.wanted), names); diff != "" {
				t.Errorf("instances (-world +listed):\n%s", diff)
			}
			if pages != tt.pages {
				t.Errorf("%d pages, want %d", pages, tt.pages)
			}
		})
	}
}

func TestTypedSDKReadsInstanceAndDisks(t *testing.T) {
	client, domain := typedECS(t, manyInstances())
	r := ecs.CreateDescribeInstancesRequest()
	r.Domain, r.Scheme, r.InstanceIds = domain, requests.HTTP, `["i-bp1crowd030"]`
	resp, err := client.DescribeInstances(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Instances.Instance) != 1 {
		t.Fatalf("%d instances", len(resp.Instances.Instance))
	}
	i := resp.Instances.Instance[0]
	got := []string{i.InstanceId, i.HostName, i.Status, i.RegionId, i.OSType, i.VpcAttributes.PrivateIpAddress.IpAddress[0],
		i.Tags.Tag[0].TagKey + "=" + i.Tags.Tag[0].TagValue, i.Tags.Tag[1].TagKey + "=" + i.Tags.Tag[1].TagValue}
	want := []string{"i-bp1crowd030", "crowd-030", "Stopped", "cn-hangzhou", "linux", "172.16.1.30", "order=30", "team=web"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("instance (-want +got):\n%s", diff)
	}

	d := ecs.CreateDescribeDisksRequest()
	d.Domain, d.Scheme, d.InstanceId = domain, requests.HTTP, i.InstanceId
	disks, err := client.DescribeDisks(d)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, disk := range disks.Disks.Disk {
		lines = append(lines, fmt.Sprint(disk.DiskId, " ", disk.Type, " ", disk.Category, " ", disk.Size, " ", disk.MultiAttach, " ", disk.Device))
	}
	want = []string{"d-bp1crowd030a system cloud_essd 40 Disabled /dev/xvda", "d-bp1crowd030b data cloud_ssd 200 Enabled /dev/xvdb"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("disks (-want +got):\n%s", diff)
	}
	if disks.TotalCount != 2 {
		t.Errorf("TotalCount is %d", disks.TotalCount)
	}
}

func TestTypedSDKListsRegions(t *testing.T) {
	w := world.Demo()
	grantMore(w)
	client, domain := typedECS(t, w)
	r := ecs.CreateDescribeRegionsRequest()
	r.Domain, r.Scheme = domain, requests.HTTP
	resp, err := client.DescribeRegions(r)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, region := range resp.Regions.Region {
		ids = append(ids, region.RegionId+" "+region.LocalName)
	}
	if want := []string{"cn-hangzhou China (Hangzhou)", "cn-shanghai China (Shanghai)"}; !slices.Equal(ids, want) {
		t.Errorf("regions are %q, want %q", ids, want)
	}
}

func TestTypedSDKCallerIdentity(t *testing.T) {
	_, domain := serveDemo(t)
	sts.GetEndpointMap()
	client, err := sts.NewClientWithOptions("cn-hangzhou", sdk.NewConfig().WithScheme(requests.HTTP),
		credentials.NewStaticSTSCredentialsProvider(world.DemoKey, world.DemoSecret, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Shutdown()
	r := sts.CreateGetCallerIdentityRequest()
	r.Domain, r.Scheme = domain, requests.HTTP
	resp, err := client.GetCallerIdentity(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.AccountId != world.DemoPortalAccount || resp.IdentityType != "RAMUser" {
		t.Errorf("it is %s of %s", resp.IdentityType, resp.AccountId)
	}
}
