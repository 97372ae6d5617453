package backup_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// listingCloud lists the candidates of pages, one page after the other.
type listingCloud struct {
	backup.Cloud
	pages  [][]string // ids
	err    error
	lists  int
	checks []param.Params // the parameters of each call of Preflight
	target backup.Target  // target of the last call
}

func (c *listingCloud) List(
	ctx context.Context, target backup.Target, q backup.CandidateQuery,
) (found backup.Candidates, err error) {
	if end, limited := ctx.Deadline(); !limited || time.Until(end) > time.Minute {
		return found, errors.New("no time limit")
	}
	c.lists++
	c.target = target
	page := 0
	if q.Next != "" {
		if _, err := fmt.Sscan(q.Next, &page); err != nil {
			return found, err
		}
	}
	for _, id := range c.pages[page] {
		found.Items = append(found.Items, backup.Candidate{ID: id})
	}
	if page+1 < len(c.pages) {
		found.Next = fmt.Sprint(page + 1)
	}
	return found, c.err
}

func (c *listingCloud) Preflight(
	ctx context.Context, target backup.Target, _ backup.Capabilities, params param.Params,
) []backup.AccessCheck {
	if _, limited := ctx.Deadline(); !limited {
		return nil
	}
	c.checks = append(c.checks, params)
	c.target = target
	return []backup.AccessCheck{{ID: "credentials", State: backup.CheckOK}}
}

// idPolicy allows only resources and vaults whose id is its own value.
type idPolicy struct {
	backup.Policy
	id string
}

func (p idPolicy) May(_ context.Context, _ identity.Principal, a backup.Action, params param.Params) bool {
	if params["SourceType"] == string(param.Container) {
		return a == backup.ActionCreate && params["ContainerClusterId"] == p.id
	}
	return a == backup.ActionCreate && params["InstanceId"] == p.id
}

func (p idPolicy) CoversVault(_ identity.Principal, _ param.Params, vault string) bool {
	return vault == p.id
}

// of returns a query for candidates of a kind: for volumes those of a test cluster, for other
// kinds those of a test instance.
func of(kind backup.CandidateKind, parent string) backup.CandidateQuery {
	if kind == backup.Volumes {
		return backup.CandidateQuery{Kind: kind, ClusterID: parent}
	}
	return backup.CandidateQuery{Kind: kind, InstanceID: parent}
}

// TestCandidatesAreThoseOfTheRules proves that a person is offered only candidates that a rule
// allows, and learns nothing about others.
func TestCandidatesAreThoseOfTheRules(t *testing.T) {
	const mine, other = "i-bp1demoweb01", "i-bp1demodb01"
	here := param.Params{"Account": "demo", "Region": "cn-hangzhou"}
	beijing := param.Params{"Account": "demo", "Region": "cn-beijing"}
	unknown := param.Params{"Account": "x", "Region": "cn-hangzhou"}
	page := [][]string{{other, mine}}
	instances := of(backup.Instances, "")
	for name, c := range map[string]struct {
		params param.Params
		query  backup.CandidateQuery
		allow  string // the id that the policy allows
		pages  [][]string
		want   string
		lists  int
		err    error
	}{
		"instances":      {here, instances, mine, page, "[i-bp1demoweb01]", 1, nil},
		"clusters":       {here, of(backup.Clusters, ""), mine, page, "[i-bp1demoweb01]", 1, nil},
		"vaults":         {here, of(backup.Vaults, ""), mine, page, "[i-bp1demoweb01]", 1, nil},
		"no vault":       {here, of(backup.Vaults, ""), "v-1", page, "[]", 1, nil},
		"no instance":    {here, instances, "i-none", page, "[]", 1, nil},
		"disks":          {here, of(backup.Disks, mine), mine, [][]string{{"d-1"}}, "[d-1]", 1, nil},
		"foreign disks":  {here, of(backup.Disks, other), mine, [][]string{{"d-1"}}, "[]", 0, backup.ErrNotFound},
		"volumes":        {here, of(backup.Volumes, "cc-1"), "cc-1", [][]string{{"v"}}, "[v]", 1, nil},
		"foreign volume": {here, of(backup.Volumes, "cc-2"), "cc-1", [][]string{{"v"}}, "[]", 0, backup.ErrNotFound},
		"later page":     {here, instances, mine, [][]string{{other}, nil, {mine}, {mine}}, "[i-bp1demoweb01]", 3, nil},
		"too far":        {here, instances, mine, [][]string{nil, nil, nil, nil, nil, {mine}}, "[]", 5, nil},
		"another region": {beijing, instances, mine, page, "[]", 0, backup.ErrNotFound},
		"no account":     {unknown, instances, mine, page, "[]", 0, backup.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			cloud := &listingCloud{pages: c.pages}
			r.Cloud, r.Policy = cloud, idPolicy{r.Policy, c.allow}
			found, err := r.Candidates(t.Context(), bob, c.params, c.query)
			ids := []string{}
			for _, one := range found.Items {
				ids = append(ids, one.ID)
			}
			if fmt.Sprint(ids) != c.want || cloud.lists != c.lists || !errors.Is(err, c.err) {
				t.Errorf("got %v after %d lists, %v", ids, cloud.lists, err)
			}
			if c.lists > 0 && (cloud.target.Account.Alias != "demo" || cloud.target.Region != "cn-hangzhou" ||
				cloud.target.Principal.ID() != bob.ID()) {
				t.Errorf("asked %+v", cloud.target)
			}
		})
	}
}

// TestListThatFailsIsSaid proves three things about lists of candidates: a failed list is an
// error and not an empty list, a malformed id is reported as a mistake, and each list counts as
// a request.
func TestListThatFailsIsSaid(t *testing.T) {
	r := newFixture(t)
	here := param.Params{"Account": "demo", "Region": "cn-hangzhou"}
	instances := backup.CandidateQuery{Kind: backup.Instances}
	r.Cloud = &listingCloud{pages: [][]string{{"i-1"}}, err: errAway}
	if found, err := r.Candidates(t.Context(), bob, here, instances); !errors.Is(err, backup.ErrNotListed) || found.Items != nil {
		t.Errorf("got %v, %v", found, err)
	}
	_, err := r.Candidates(t.Context(), bob, here, backup.CandidateQuery{Kind: backup.Disks, InstanceID: "no id"})
	if mistakesOf(err) != "InstanceId" {
		t.Errorf("an id that cannot exist: %v", err)
	}
	r.Cloud = &listingCloud{pages: [][]string{{"i-1"}}}
	r.Limits = awayLimits{}
	if _, err := r.Candidates(t.Context(), bob, here, instances); !errors.Is(err, backup.ErrStoreUnavailable) {
		t.Errorf("without limits: %v", err)
	}
}

// TestAccessIsCheckedOnlyForTheRules proves that the access checks of an account read only
// resources and vaults that a rule allows, and run only as often as the limit permits.
func TestAccessIsCheckedOnlyForTheRules(t *testing.T) {
	const mine = "i-bp1demoweb01"
	for name, c := range map[string]struct {
		given param.Params // besides the account and the region
		want  error
		sent  param.Params // some of the values that are checked
	}{
		"the account":      {nil, nil, param.Params{"InstanceId": "", "SourceType": "UDM_ECS"}},
		"an instance":      {param.Params{"InstanceId": mine}, nil, param.Params{"InstanceId": mine}},
		"another instance": {param.Params{"InstanceId": "i-bp1demodb01"}, backup.ErrNotFound, nil},
		"a cluster":        {param.Params{"SourceType": "CONTAINER", "ContainerClusterId": "cc-1"}, backup.ErrNotFound, nil},
		"another vault":    {param.Params{"SourceType": "ECS_FILE", "VaultId": "v-000000000001"}, backup.ErrNotFound, nil},
		"another region":   {param.Params{"Region": "cn-beijing"}, backup.ErrNotFound, nil},
		"another account":  {param.Params{"Account": "x"}, backup.ErrNotFound, nil},
		"a field of others": {
			param.Params{"InstanceId": mine, "SpeedLimit": "9:18:20480"}, nil, param.Params{"InstanceId": mine, "SpeedLimit": ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			cloud := &listingCloud{}
			r.Cloud, r.Policy = cloud, idPolicy{r.Policy, mine}
			params := param.Params{"Account": "demo", "Region": "cn-hangzhou"}
			maps.Copy(params, c.given)
			checks, err := r.Preflight(t.Context(), bob, params)
			if !errors.Is(err, c.want) || len(checks) != len(cloud.checks) || (len(checks) == 1) != (c.want == nil) {
				t.Fatalf("%d checks, %v", len(checks), err)
			}
			for name, want := range c.sent {
				if got := cloud.checks[0][name]; got != want {
					t.Errorf("checked with %s=%q, want %q", name, got, want)
				}
			}
		})
	}
	r := newFixture(t)
	cloud := &listingCloud{}
	r.Cloud = cloud
	here := param.Params{"Account": "demo", "Region": "cn-hangzhou"}
	wrong := param.Params{"Account": "demo", "Region": "cn-hangzhou", "Retention": "x"}
	if _, err := r.Preflight(t.Context(), bob, wrong); mistakesOf(err) != "Retention" {
		t.Errorf("an invalid value: %v", err)
	}
	for i := range 12 {
		_, err := r.Preflight(t.Context(), bob, here)
		if errors.Is(err, backup.ErrRequests) != (i >= 10) {
			t.Errorf("run %d: %v", i+1, err)
		}
	}
	if len(cloud.checks) != 10 {
		t.Errorf("%d runs", len(cloud.checks))
	}
}
