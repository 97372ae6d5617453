package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	emulated "backupportal/function/emulator/world"
	"backupportal/web"
)

// listed requests a list of candidates (resources that can be selected) and returns their ids.
func (w *world) listed(t *testing.T, address string) (ids []string, next string, answer *httptest.ResponseRecorder) {
	t.Helper()
	answer = w.ask("GET", "/api/v1/accounts/"+address, "", "")
	var got web.Candidates
	if answer.Code == http.StatusOK {
		if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
	}
	for _, candidate := range got.Items {
		ids = append(ids, candidate.ID)
	}
	return ids, got.Next, answer
}

// TestCandidatesAreFilteredByRules proves that a list of candidates has exactly those resources
// of the cloud that a rule allows.
func TestCandidatesAreFilteredByRules(t *testing.T) {
	for rule, cases := range map[string]map[string][]string{
		"any_instance: true": {
			"demo/instances?Region=cn-shanghai":                                                                {"i-uf6demoweb03"},
			"demo/instances?Region=cn-hangzhou&Search=web":                                                     {"i-bp1demoweb01", "i-bp1demoweb02"},
			"demo/instances?Region=cn-hangzhou&Search=i-bp1demodb01":                                           {"i-bp1demodb01"},
			"demo/instances?Region=cn-hangzhou&Search=i-bp1nobody":                                             nil,
			"demo/instances?Region=cn-hangzhou&Search=%2A":                                                     nil, // matches all instances; the loop below checks only the number
			"payments/instances?Region=cn-hangzhou&Search=pay01":                                               {"i-bp2demopay01"},
			"demo/disks?Region=cn-hangzhou&InstanceId=i-bp1demoweb01":                                          {"d-bp1demoweb01a", "d-bp1demoweb01b"},
			"demo/vaults?Region=cn-hangzhou&SourceType=ECS_FILE":                                               {"v-0001demovault01", "v-0001demovault02"},
			"demo/vaults?Region=cn-hangzhou&SourceType=ECS_FILE&Search=ER":                                     {"v-0001demovault02"},
			"demo/vaults?Region=cn-shanghai&SourceType=CONTAINER":                                              {"v-0001demovault03"},
			"demo/clusters?Region=cn-hangzhou&Search=PROD":                                                     {"cc-0001democluster"},
			"demo/clusters?Region=cn-shanghai":                                                                 nil,
			"demo/volumes?Region=cn-hangzhou&ClusterId=cc-0001democluster":                                     {"1b0e6a52-3f0c-4c1e-9b64-5a7f0b6c9d31", "674dac6d-74cd-47e9-a675-09e2f10d2c45"},
			"demo/volumes?Region=cn-hangzhou&ClusterId=cc-0001democluster&SourceType=CONTAINER&Search=SHOP/up": {"1b0e6a52-3f0c-4c1e-9b64-5a7f0b6c9d31"},
			"demo/volumes?Region=cn-hangzhou&ClusterId=cc-0001democluster&Search=NAS-674":                      {"674dac6d-74cd-47e9-a675-09e2f10d2c45"},
			"demo/volumes?Region=cn-hangzhou&ClusterId=cc-0001democluster&Search=1b0e6a52":                     {"1b0e6a52-3f0c-4c1e-9b64-5a7f0b6c9d31"},
			"demo/volumes?Region=cn-hangzhou&ClusterId=cc-0001other":                                           nil,
			"demo/volumes?Region=cn-shanghai&ClusterId=cc-0001democluster":                                     nil,
		},
		"instances: [i-bp1demoweb02]":     {"demo/instances?Region=cn-hangzhou": {"i-bp1demoweb02"}, "demo/vaults?Region=cn-hangzhou&SourceType=ECS_FILE": {"v-0001demovault01", "v-0001demovault02"}},
		"instance_prefixes: [i-bp1demow]": {"demo/instances?Region=cn-hangzhou": {"i-bp1demoweb01", "i-bp1demoweb02", "i-bp1demowin01"}},
	} {
		w := newWorld(t)
		w.govern(t, "any_instance: true", rule)
		for address, want := range cases {
			got, _, answer := w.listed(t, address)
			if strings.Contains(address, "%2A") {
				if len(got) < 5 {
					t.Errorf("%s: %v", address, got)
				}
				continue
			}
			if slices.Sort(got); answer.Code != http.StatusOK || !slices.Equal(got, want) {
				t.Errorf("%s by %s: %d %v, want %v", address, rule, answer.Code, got, want)
			}
		}
	}
}

// TestCandidatesOfOthersAreNotFound proves that if a principal may not see a list of
// candidates, the request answers 404 and causes no call to the cloud (threat T11).
func TestCandidatesOfOthersAreNotFound(t *testing.T) {
	w := newWorld(t)
	w.govern(t, "any_instance: true", "instances: [i-bp1demoweb02]")
	for address, want := range map[string]int{
		"nowhere/instances?Region=cn-hangzhou": 404, "demo/instances?Region=eu-central-1": 404, "demo/instances": 422, "demo/buckets?Region=cn-hangzhou": 404,
		"demo/volumes?Region=cn-hangzhou": 422, "demo/volumes?Region=cn-hangzhou&ClusterId=cl-0001": 422, "demo/volumes?Region=cn-hangzhou&InstanceId=i-1": 422,
		"demo/volumes?Region=eu-central-1&ClusterId=cc-0001democluster": 404, "nowhere/volumes?Region=cn-hangzhou&ClusterId=cc-0001democluster": 404,
		"demo/disks?Region=cn-hangzhou&InstanceId=i-bp1demoweb01": 404, "demo/disks?Region=cn-hangzhou&InstanceId=i-nobody": 404, "demo/disks?Region=cn-hangzhou": 422,
		"demo/disks?Region=cn-hangzhou&InstanceId=web": 422, "demo/vaults?Region=cn-hangzhou&Search=" + strings.Repeat("x", 257): 422, "demo/vaults?Region=cn-hangzhou&search=x": 422,
	} {
		if _, _, a := w.listed(t, address); a.Code != want {
			t.Errorf("%s: %d, want %d: %s", address, a.Code, want, a.Body)
		}
	}
	if n := w.calls(); n != 0 {
		t.Errorf("the cloud got %d calls", n)
	}
}

// TestVolumesOfCluster proves that a listed volume has the values that a program needs for
// ContainerResources. If no rule allows the cluster, its volumes are not listed and the cloud
// is not called.
func TestVolumesOfCluster(t *testing.T) {
	w := newWorld(t)
	_, _, answer := w.listed(t, "demo/volumes?Region=cn-hangzhou&ClusterId=cc-0001democluster&Search=data-0")
	const want = `{"Items":[{"Id":"674dac6d-74cd-47e9-a675-09e2f10d2c45","Name":"database/data-0","Attributes":` +
		`{"ResourceType":"PV","namespace":"database","pv_name":"nas-674dac6d","pv_size":"8Gi","pvc_name":"data-0","storage_class":"alibabacloud-cnfs-nas"}}]}`
	if got := strings.TrimSpace(answer.Body.String()); got != want {
		t.Errorf("got %d %s", answer.Code, got)
	}
	if _, _, a := w.listed(t, "demo/volumes?Region=cn-hangzhou&ClusterId=cl-0001"); !strings.Contains(a.Body.String(), `"ClusterId"`) {
		t.Errorf("the mistake does not name the parameter: %s", a.Body)
	}
	w.govern(t, "any_cluster: true", "clusters: [cc-0001other]")
	before := w.calls()
	if _, _, a := w.listed(t, "demo/volumes?Region=cn-hangzhou&ClusterId=cc-0001democluster"); a.Code != http.StatusNotFound {
		t.Errorf("a cluster of others: %d %s", a.Code, a.Body)
	}
	if n := w.calls(); n != before {
		t.Errorf("the cloud got %d calls", n-before)
	}
}

// TestVolumesArePaged proves that the volumes of a large cluster are returned in pages, each
// volume once.
func TestVolumesArePaged(t *testing.T) {
	w := newWorldIn(t, func(world *emulated.World) {
		volumes := &world.Accounts[0].Clusters[0].Volumes
		*volumes = nil
		for i := range 120 {
			*volumes = append(*volumes, emulated.Volume{ID: fmt.Sprintf("v%03d", i), Name: "nas", Claim: "c", Namespace: "n", GiB: 1})
		}
	})
	var all []string
	for next := ""; ; {
		ids, more, answer := w.listed(t, "demo/volumes?Region=cn-hangzhou&ClusterId=cc-0001democluster&Next="+url.QueryEscape(next))
		if all = append(all, ids...); more == "" {
			if answer.Code != http.StatusOK || len(all) != 120 || !slices.IsSorted(all) || len(slices.Compact(all)) != 120 {
				t.Errorf("%d: %v", answer.Code, all)
			}
			return
		}
		next = more
	}
}

// TestCandidatesArePaged proves for several numbers of instances that each is on exactly one
// page, in order, and that all pages but the last are full.
func TestCandidatesArePaged(t *testing.T) {
	t.Parallel()
	for _, count := range []int{0, 1, 99, 100, 1001} {
		w := newWorldIn(t, func(world *emulated.World) {
			world.Accounts[0].Instances, world.Accounts[0].Clients = nil, nil
			for i := range count {
				id := fmt.Sprintf("%05d", i)
				world.Accounts[0].Instances = append(world.Accounts[0].Instances, emulated.Instance{
					ID: "i-bp1many" + id, Name: "many" + id, Region: "cn-hangzhou", OS: "linux",
					Disks: []emulated.Disk{{ID: "d-bp1many" + id, Category: "cloud_essd", Type: "system", GiB: 40}},
				})
			}
		})
		w.server.Backups.Requests = backup.Rate{Burst: 1000, Per: time.Minute}
		var all []string
		pages := 0
		for next := ""; ; pages++ {
			ids, more, answer := w.listed(t, "demo/instances?Region=cn-hangzhou&Next="+url.QueryEscape(next))
			if answer.Code != http.StatusOK {
				t.Fatalf("%d instances, page %d: %d %s", count, pages, answer.Code, answer.Body)
			}
			if all = append(all, ids...); more == "" {
				break
			}
			next = more
		}
		if len(all) != count || !slices.IsSorted(all) || len(slices.Compact(all)) != count {
			t.Errorf("%d of %d instances in %d pages", len(all), count, pages+1)
		}
		if count == 1001 {
			found, _, _ := w.listed(t, "demo/instances?Region=cn-hangzhou&Search=many00987")
			if !slices.Equal(found, []string{"i-bp1many00987"}) {
				t.Errorf("found %v", found)
			}
		}
	}
}

// TestCandidatesAreCachedForAMinute proves that the portal requests each list from the cloud at
// most once a minute, for any number of readers. If the cloud fails, the portal reports the
// failure and does not cache it.
func TestCandidatesAreCachedForAMinute(t *testing.T) {
	w := newWorld(t)
	look := func(want int) {
		t.Helper()
		if _, _, a := w.listed(t, "demo/vaults?Region=cn-hangzhou&SourceType=ECS_FILE"); a.Code != want {
			t.Errorf("%d, want %d: %s", a.Code, want, a.Body)
		}
	}
	asked := func(want int) {
		t.Helper()
		if n := len(w.cloud.Ledger().CallsOf("DescribeVaults")); n != want {
			t.Errorf("asked %d times, want %d", n, want)
		}
	}
	look(200)
	look(200)
	asked(1)
	w.clock.Add(59 * time.Second)
	look(200)
	asked(1)
	w.clock.Add(2 * time.Second)
	if err := w.cloud.SetFaults("DescribeVaults: 500, refuse 403 NoPermission"); err != nil {
		t.Fatal(err)
	}
	look(502)
	look(502)
	look(200)
	asked(4)
}
