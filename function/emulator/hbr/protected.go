package hbr

import (
	"slices"

	"backupportal/function/emulator/rpc"
)

// Limits and values of ListProtectedResources, from the vendor's page. UDM_ECS is not among the
// types.
const (
	minProtected = 10
	maxProtected = 100
)

var protectedTypes = []string{"ECS_FILE", "COMMON_FILE_SYSTEM", "COMMON_NAS", "File", "NAS", "OSS"}

// A protectedAnswer is the reply of ListProtectedResources. TotalCount counts all pages.
type protectedAnswer struct {
	rpc.Envelope
	MaxResults, TotalCount int64
	NextToken              string // empty on the last page
	ProtectedResources     []protectedView
}

// A protectedView is one element of ProtectedResources. The vendor's page fills ProtectedDataSize
// only for BASIC, which the emulator does not have.
type protectedView struct {
	ProtectedResourceId, ResourceId, ResourceRegionId, SourceType, CreatedByProduct string

	ResourceOwnerId, SnapshotCount, ProtectedDataSize, BackupPlanCount int64
}

// ListProtectedResources is the operation ListProtectedResources of Cloud Backup: the instances in
// this region for which the caller's account has a job of type ECS_FILE, the first one first. It
// has the only one of the documented types that the emulator can back up. SnapshotCount counts
// recovery points until their retention has ended. Errors: InvalidParameter.
func (s *Service) ListProtectedResources(k *rpc.Call) (any, error) {
	from, size, err := parseProtectedPage(k)
	if err != nil {
		return nil, err
	}
	for name, allowed := range map[string][]string{
		"SourceType": protectedTypes, "HasSnapshot": {"true", "false"}, "CreatedByProduct": {"HBR", "BASIC"},
	} {
		if err := rpc.CheckOneOf(k.Params, name, allowed...); err != nil {
			return nil, err
		}
	}
	views := slices.DeleteFunc(s.protected(k), func(v protectedView) bool { return !v.matches(k.Params) })
	all := int64(len(views))
	ans := protectedAnswer{Envelope: rpc.Success(k), MaxResults: size, TotalCount: all}
	from = min(from, all)
	to := min(from+size, all)
	if to < all {
		ans.NextToken = rpc.SealToken(to, rpc.PageQuery(k))
	}
	ans.ProtectedResources = append([]protectedView{}, views[from:to]...)
	return ans, nil
}

// protected returns all protected resources of an account and region, before filters and
// paging.
func (s *Service) protected(k *rpc.Call) []protectedView {
	var views []protectedView
	for _, j := range s.jobs.inScope(scope{k.Caller.Account.ID, k.Region}) {
		if j.SourceType() != "ECS_FILE" {
			continue
		}
		id := j.Params["InstanceId"]
		at := slices.IndexFunc(views, func(v protectedView) bool { return v.ResourceId == id })
		if at < 0 {
			at = len(views)
			owner := j.Params["CrossAccountUserId"]
			if owner == "" {
				owner = k.Caller.Account.ID
			}
			views = append(views, protectedView{
				ProtectedResourceId: "pr-000" + rpc.EntityID(k.Region + id)[:15], ResourceId: id, ResourceRegionId: k.Region,
				SourceType: "ECS_FILE", CreatedByProduct: "HBR", ResourceOwnerId: accountNumber(owner),
			})
		}
		st := j.Schedule.At(k.At)
		days, _ := rpc.Decimal(j.Params["Retention"])
		if hasRecoveryPoint(st) && k.At.Before(st.Ended.AddDate(0, 0, int(days))) {
			views[at].SnapshotCount++
		}
	}
	return views
}

// matches reports whether a row matches the filters. An absent filter matches every row.
func (v protectedView) matches(p rpc.Params) bool {
	for name, have := range map[string]string{
		"SourceType": v.SourceType, "ResourceId": v.ResourceId, "CreatedByProduct": v.CreatedByProduct,
	} {
		if want := p[name]; want != "" && want != have {
			return false
		}
	}
	return p["HasSnapshot"] == "" || (p["HasSnapshot"] == "true") == (v.SnapshotCount > 0)
}

// parseProtectedPage reads MaxResults (default 10), NextToken and Skip, and returns the index of
// the first row and the number of rows. Skip is a multiple of MaxResults; it is not for a call with
// NextToken. Errors: InvalidParameter.
func parseProtectedPage(k *rpc.Call) (from, size int64, err error) {
	p, size := k.Params, int64(minProtected)
	if text := p["MaxResults"]; text != "" {
		n, ok := rpc.Decimal(text)
		if !ok || n < minProtected || n > maxProtected {
			return 0, 0, rpc.Invalid("MaxResults", "%q is not a number from %d to %d", text, minProtected, maxProtected)
		}
		size = n
	}
	switch token, skip := p["NextToken"], p["Skip"]; {
	case token != "" && skip != "":
		return 0, 0, rpc.Invalid("Skip", "it is not for a call with NextToken")
	case token != "":
		from, ok := rpc.OpenToken(token, rpc.PageQuery(k))
		if !ok {
			return 0, 0, rpc.Invalid("NextToken", "it is not one that this query was answered with")
		}
		return from, size, nil
	case skip != "":
		from, ok := rpc.Decimal(skip)
		if !ok || from%size != 0 {
			return 0, 0, rpc.Invalid("Skip", "%q is not a multiple of MaxResults", skip)
		}
		return from, size, nil
	}
	return 0, size, nil
}
