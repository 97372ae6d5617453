package backup

import (
	"context"
	"errors"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// Things returns what p may choose from in the account and region of params, which may
// have a SourceType too: of the page that the cloud shows, what a rule for p covers.
// An account, a region or an instance that is not for p is [ErrNotFound]. Other errors
// are [ErrNotListed], a [*LimitError] and [ErrStoreAway].
func (s *Service) Things(ctx context.Context, p identity.Principal, params param.Params, q ThingQuery) (Things, error) {
	alias, region := params["Account"], params["Region"]
	if !s.Policy.Reaches(p, ActionCreate, alias, region) {
		return Things{}, ErrNotFound
	}
	if q.InstanceID != "" {
		params = params.WithDefaults()
		params["InstanceId"] = q.InstanceID
		if err := params.CheckValues(); err != nil {
			return Things{}, err
		}
		if !s.Policy.May(ctx, p, ActionCreate, params) {
			return Things{}, ErrNotFound
		}
	}
	if err := s.limiter().pace(ctx, p, "f:", usualLookups); err != nil {
		return Things{}, err
	}
	account, _ := s.Policy.Account(alias)
	limited, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	for page := 1; ; page++ {
		found, err := s.Cloud.List(limited, Target{Account: account, Region: region, Principal: p}, q)
		if err != nil {
			s.Log.InfoContext(ctx, "no list", "account", alias, "region", region, "list", q.Kind, "error", err)
			return Things{}, errors.Join(ErrNotListed, err)
		}
		found.Things = s.covered(ctx, p, params, q.Kind, found.Things)
		if len(found.Things) > 0 || found.Next == "" || page == mostEmpty {
			return found, nil
		}
		q.Next = found.Next
	}
}

// covered are the things that a rule for p covers.
func (s *Service) covered(
	ctx context.Context, p identity.Principal, params param.Params, kind ThingKind, all []Thing,
) (some []Thing) {
	if kind == Disks {
		return all // of an instance that is covered
	}
	named, source := "InstanceId", params.SourceType()
	if kind == Clusters {
		named, source = "ContainerClusterId", param.Container
	}
	asked := make([]param.Params, len(all))
	for i, t := range all {
		asked[i] = param.Params{
			"Account":    params["Account"],
			"Region":     params["Region"],
			"SourceType": string(source),
			named:        t.ID,
		}
	}
	if kind == Instances {
		s.Policy.Foresee(ctx, p, ActionCreate, asked)
	}
	for i, t := range all {
		if kind == Vaults && s.Policy.CoversVault(p, params, t.ID) ||
			kind != Vaults && s.Policy.May(ctx, p, ActionCreate, asked[i]) {
			some = append(some, t)
		}
	}
	return some
}

// mostEmpty is how many pages that hold nothing for somebody are passed over.
const mostEmpty = 5

// usualLookups is how many lists one principal may ask for.
var usualLookups = Rate{Burst: 120, Per: time.Minute}

// listTime is how long a list may take: whoever fills in a form types on meanwhile.
const listTime = 8 * time.Second

// ErrNotListed says that the cloud shows no list at the moment. What is in no list
// can be typed.
var ErrNotListed = errors.New("the cloud returned no list")

// A Thing is something that a backup can name.
type Thing struct {
	ID, Name string
	Facts    []Fact // what else helps to tell it from others, by the names of the API
	Tags     map[string]string
}

// A ThingKind is what a form can offer to choose from.
type ThingKind string

// The kinds of things.
const (
	Instances ThingKind = "instances"
	Disks     ThingKind = "disks"  // of one instance
	Vaults    ThingKind = "vaults" // into which something can be backed up now
	Clusters  ThingKind = "clusters"
)

// A ThingQuery asks for one page of things.
type ThingQuery struct {
	Kind       ThingKind
	InstanceID string // of disks
	Search     string // a part of the name, or a whole id; empty: all
	Next       string // of the page before; empty: the first
}

// A Fact is one thing that the cloud says.
type Fact struct{ Name, Value string }

// Things are a page of a list.
type Things struct {
	Things []Thing
	Next   string // for the next page; empty: this is the last
}
