package backup

import (
	"context"
	"errors"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// Candidates returns one page of the resources or vaults (candidates) that p may select for a
// backup in the account and region of params. params may also have a SourceType. It leaves out
// candidates that no rule of the policy allows for p. If nothing is left of a page, it reads
// the next ones, at most [maxEmptyPages].
//
// The error is [ErrNotFound] if the account, the region, the instance or the cluster is not
// allowed for p or does not exist, and [param.InvalidError] if its id is malformed. Other
// errors are [ErrNotListed], a [*LimitError] with [ErrRequests], and [ErrStoreUnavailable].
func (s *Service) Candidates(ctx context.Context, p identity.Principal, params param.Params, q CandidateQuery) (Candidates, error) {
	alias, region := params["Account"], params["Region"]
	if !s.Policy.MayInRegion(p, ActionCreate, alias, region) {
		return Candidates{}, ErrNotFound
	}
	if err := s.checkParent(ctx, p, params, q); err != nil {
		return Candidates{}, err
	}
	if err := s.CountLookup(ctx, p); err != nil {
		return Candidates{}, err
	}
	account, _ := s.Policy.Account(alias)
	limited, cancel := context.WithTimeout(ctx, candidatesTimeout)
	defer cancel()
	for page := 1; ; page++ {
		found, err := s.Cloud.List(limited, Target{Account: account, Region: region, Principal: p}, q)
		if err != nil {
			s.Log.InfoContext(ctx, "no list", "account", alias, "region", region, "list", q.Kind, "error", err)
			return Candidates{}, errors.Join(ErrNotListed, err)
		}
		found.Items = s.allowedCandidates(ctx, p, params, q.Kind, found.Items)
		if len(found.Items) > 0 || found.Next == "" || page == maxEmptyPages {
			return found, nil
		}
		q.Next = found.Next
	}
}

// CountLookup counts one request of p that makes the portal read resources from the cloud, such
// as [Service.Candidates]. The errors are a [*LimitError] with [ErrRequests], and
// [ErrStoreUnavailable].
func (s *Service) CountLookup(ctx context.Context, p identity.Principal) error {
	return s.limiter().countRequest(ctx, p, "f:", candidateRate)
}

// checkParent checks the instance whose disks, or the cluster whose volumes are to be listed.
// Its id must be valid, and a rule must allow p to back it up. For lists of another kind it
// returns nil. The errors are [param.InvalidError] and [ErrNotFound].
func (s *Service) checkParent(ctx context.Context, p identity.Principal, params param.Params, q CandidateQuery) error {
	if q.InstanceID == "" && q.ClusterID == "" {
		return nil
	}
	params = params.WithDefaults()
	if q.InstanceID != "" {
		params["InstanceId"] = q.InstanceID
	}
	if q.ClusterID != "" {
		params["SourceType"], params["ContainerClusterId"] = string(param.Container), q.ClusterID
	}
	if err := params.CheckValues(); err != nil {
		return err
	}
	if !s.Policy.May(ctx, p, ActionCreate, params) {
		return ErrNotFound
	}
	return nil
}

// allowedCandidates returns those candidates that a rule of the policy allows for p. It does
// not test disks and volumes, because the instance or cluster to which they belong was tested.
func (s *Service) allowedCandidates(
	ctx context.Context, p identity.Principal, params param.Params, kind CandidateKind, all []Candidate,
) (some []Candidate) {
	if kind == Disks || kind == Volumes {
		return all
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

// maxEmptyPages is the maximum number of pages of the cloud's list that are read for one page
// of candidates. Reading stops at the first page that has an allowed candidate.
const maxEmptyPages = 5

// candidateRate limits how many lists of candidates one principal may request.
var candidateRate = Rate{Burst: 120, Per: time.Minute}

// candidatesTimeout limits one request for candidates. It is short, because a person who fills
// in the form is waiting for the list and can also type an id.
const candidatesTimeout = 8 * time.Second

// ErrNotListed says that the cloud's list is not available now. The form still accepts a typed
// id.
var ErrNotListed = errors.New("the cloud returned no list")

// Candidate is a resource or a vault that a backup can name.
type Candidate struct {
	ID, Name   string
	Attributes []Attribute       // more values that identify it for a person, in the order to show them
	Tags       map[string]string // only of instances; nil without tags
}

// Attribute returns the value of an attribute; empty if c does not have it.
func (c Candidate) Attribute(name string) string {
	for _, a := range c.Attributes {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// CandidateKind is the kind of a list of candidates.
type CandidateKind string

// The kinds of candidates.
const (
	Instances CandidateKind = "instances"
	Disks     CandidateKind = "disks"  // disks of one instance
	Vaults    CandidateKind = "vaults" // vaults that can store a backup now
	Clusters  CandidateKind = "clusters"
	Volumes   CandidateKind = "volumes" // persistent volumes of one cluster
	// Clients are the backup clients on one instance. They are checked before a backup and never
	// offered. The ID of a client is that of its instance.
	Clients CandidateKind = "clients"
)

// CandidateQuery selects one page of candidates.
type CandidateQuery struct {
	Kind       CandidateKind
	InstanceID string // for Disks and Clients: the instance that they belong to; for Instances: the only one
	ClusterID  string // for Volumes: the cluster (cc-…) that they belong to; for Clusters: the only one
	Unfit      bool   // only with Vaults: includes vaults that accept no backup now
	Search     string // part of the name, or a complete id; empty: all
	Next       string // [Candidates.Next] of the page before; empty: the first page
}

// Attribute is one value of a candidate, with the field name of the API.
type Attribute struct{ Name, Value string }

// Candidates is one page of a list. Items can be empty although there are more pages.
type Candidates struct {
	Items []Candidate
	Next  string // token of the next page; empty on the last page
}
