package backup

import (
	"context"
	"errors"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// Candidates returns what p may choose from in the account and region of params, which may
// have a SourceType too: of the page that the cloud shows, what a rule for p covers.
// An account, a region or an instance that is not for p is [ErrNotFound]. Other errors
// are [ErrNotListed], a [*LimitError] and [ErrStoreUnavailable].
func (s *Service) Candidates(ctx context.Context, p identity.Principal, params param.Params, q CandidateQuery) (Candidates, error) {
	alias, region := params["Account"], params["Region"]
	if !s.Policy.Reaches(p, ActionCreate, alias, region) {
		return Candidates{}, ErrNotFound
	}
	if q.InstanceID != "" {
		params = params.WithDefaults()
		params["InstanceId"] = q.InstanceID
		if err := params.CheckValues(); err != nil {
			return Candidates{}, err
		}
		if !s.Policy.May(ctx, p, ActionCreate, params) {
			return Candidates{}, ErrNotFound
		}
	}
	if err := s.limiter().pace(ctx, p, "f:", usualLookups); err != nil {
		return Candidates{}, err
	}
	account, _ := s.Policy.Account(alias)
	limited, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	for page := 1; ; page++ {
		found, err := s.Cloud.List(limited, Target{Account: account, Region: region, Principal: p}, q)
		if err != nil {
			s.Log.InfoContext(ctx, "no list", "account", alias, "region", region, "list", q.Kind, "error", err)
			return Candidates{}, errors.Join(ErrNotListed, err)
		}
		found.Items = s.covered(ctx, p, params, q.Kind, found.Items)
		if len(found.Items) > 0 || found.Next == "" || page == mostEmpty {
			return found, nil
		}
		q.Next = found.Next
	}
}

// covered are the things that a rule for p covers.
func (s *Service) covered(
	ctx context.Context, p identity.Principal, params param.Params, kind CandidateKind, all []Candidate,
) (some []Candidate) {
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
		s.Policy.PrefetchTags(ctx, p, ActionCreate, asked)
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

// A Candidate is something that a backup can name.
type Candidate struct {
	ID, Name   string
	Attributes []Attribute // what else helps to tell it from others, by the names of the API
	Tags       map[string]string
}

// A CandidateKind is what a form can offer to choose from.
type CandidateKind string

// The kinds of things.
const (
	Instances CandidateKind = "instances"
	Disks     CandidateKind = "disks"  // of one instance
	Vaults    CandidateKind = "vaults" // into which something can be backed up now
	Clusters  CandidateKind = "clusters"
)

// A CandidateQuery asks for one page of things.
type CandidateQuery struct {
	Kind       CandidateKind
	InstanceID string // of disks
	Search     string // a part of the name, or a whole id; empty: all
	Next       string // of the page before; empty: the first
}

// A Attribute is one thing that the cloud says.
type Attribute struct{ Name, Value string }

// Candidates are a page of a list.
type Candidates struct {
	Items []Candidate
	Next  string // for the next page; empty: this is the last
}
