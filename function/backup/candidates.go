package backup

import (
	"context"
	"errors"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// Candidates returns one page of the resources or vaults that p may choose in the account and
// region of params. params may also have a SourceType. Candidates that no rule for p allows are
// left out; if that empties a page, the next pages are read, at most [maxEmptyPages].
//
// The errors are [ErrNotFound] if the account, the region, the instance or the cluster is not
// allowed for p or does not exist, [param.InvalidError] if its id is not valid, [ErrNotListed], a
// [*LimitError] with [ErrRequests], and [ErrStoreUnavailable].
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

// CountLookup counts one request of p that asks the cloud about resources, such as
// [Service.Candidates]. The errors are a [*LimitError] with [ErrRequests], and
// [ErrStoreUnavailable].
func (s *Service) CountLookup(ctx context.Context, p identity.Principal) error {
	return s.limiter().countRequest(ctx, p, "f:", candidateRate)
}

// checkParent checks the instance of a list of disks, or the cluster of a list of volumes: its id is valid,
// and a rule allows p to back it up. It returns nil for a list of another kind. The errors are
// [param.InvalidError] and [ErrNotFound].
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

// allowedCandidates returns the candidates that a rule for p allows. Disks and volumes are not
// tested: they belong to an instance or cluster that is allowed.
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

// maxEmptyPages is how many pages of the cloud's list are read at most for one page of candidates.
// Reading stops at the first page that has a candidate that a rule allows.
const maxEmptyPages = 5

// candidateRate is how many lists one principal may request.
var candidateRate = Rate{Burst: 120, Per: time.Minute}

// candidatesTimeout limits one request for candidates. It is short, because a person who fills in the
// form is waiting for the list and can also type an id.
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
	Disks     CandidateKind = "disks"  // of one instance
	Vaults    CandidateKind = "vaults" // that can take a backup now
	Clusters  CandidateKind = "clusters"
	Volumes   CandidateKind = "volumes" // persistent volumes of one cluster
	// Clients are the backup clients on one instance. They are checked before a backup and never
	// offered. The ID of a client is that of its instance.
	Clients CandidateKind = "clients"
)

// CandidateQuery selects one page of candidates.
type CandidateQuery struct {
	Kind       CandidateKind
	InstanceID string // with Disks and Clients: of this instance; with Instances: only this one
	ClusterID  string // with Volumes: of this cluster (cc-…); with Clusters: only this one
	Unfit      bool   // only with Vaults: includes vaults that accept no backup now
	Search     string // part of the name, or a complete id; empty: all
	Next       string // [Candidates.Next] of the page before; empty: the first page
}

// Attribute is one value of a candidate, with the field name of the API.
type Attribute struct{ Name, Value string }

// Candidates is one page of a list. Items can be empty although there are more pages.
type Candidates struct {
	Items []Candidate
	Next  string // for the next page; empty on the last page
}
