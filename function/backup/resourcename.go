package backup

import (
	"cmp"
	"context"
	"slices"
	"time"

	"backupportal/function/param"
)

// nameTimeout limits how long the portal looks up the name of a resource after its job was
// started. It does so only if more than nameReserve is left for the request.
const (
	nameTimeout = time.Second
	nameReserve = 10 * time.Second
)

// nameResource asks the cloud for the name of the resource of call, stores it with the
// submission id, and returns it. It makes at most one request, which the cloud's client may
// answer from its cache. It returns "" if the name is not known or cannot be stored: a
// submission does not need it.
func (s *Service) nameResource(ctx context.Context, id string, call Call) string {
	if !hasTimeLeft(ctx, nameReserve) {
		return ""
	}
	limited, cancel := context.WithTimeout(ctx, nameTimeout)
	defer cancel()
	resource := call.resource()
	q := CandidateQuery{Kind: Instances, InstanceID: resource}
	if call.Params.SourceType() == param.Container {
		q = CandidateQuery{Kind: Clusters, ClusterID: resource}
	}
	found, err := s.Cloud.List(limited, call.Target, q)
	if err != nil {
		s.Log.InfoContext(ctx, "name of the resource unknown", "submission", id, "resource", resource, "error", err)
		return ""
	}
	at := slices.IndexFunc(found.Items, func(c Candidate) bool { return c.ID == resource })
	if at < 0 || found.Items[at].Name == "" {
		return ""
	}
	if err := s.Store.SetResourceName(limited, id, found.Items[at].Name); err != nil {
		s.Log.WarnContext(ctx, "storing the name of a resource", "submission", id, "error", err)
		return ""
	}
	if s.Names != nil {
		s.Names.Put(call.nameKey(), found.Items[at].Name, s.Now().Add(nameLife))
	}
	return found.Items[at].Name
}

// knownName returns the name of the resource of call if a submission of the last minute has
// looked it up, and "" otherwise.
func (s *Service) knownName(call Call) (name string) {
	if s.Names != nil {
		name, _ = s.Names.Look(call.nameKey())
	}
	return name
}

// nameLife is how long a name that was looked up is used for other submissions.
const nameLife = time.Minute

// resource returns the id of the resource of c: an instance or a cluster.
func (c Call) resource() string {
	return cmp.Or(c.Params["InstanceId"], c.Params["ContainerClusterId"])
}

// nameKey returns the key of the name of the resource of c in [Service.Names].
func (c Call) nameKey() string { return c.Target.Region + "/" + c.limitResource() }
