package aliyun

import (
	"context"
	"strconv"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// ListProtectedResources returns all resources in the account and region of target that Cloud
// Backup protects and that match the query. It reads every page. If one page cannot be read, it
// returns an error and no resources. The vendor's documentation does not say whether the list
// contains instances that were backed up as a whole (UDM_ECS). Errors are [*backup.CloudError]
// values. Source: Cloud Backup, ListProtectedResources.
func (c *Client) ListProtectedResources(
	ctx context.Context,
	target backup.Target,
	q backup.ProtectedQuery,
) ([]backup.ProtectedResource, error) {
	var all []backup.ProtectedResource
	for next, page := "", 1; page <= maxPages; page++ {
		var answer protectedPage
		op := operation{action: listProtectedResources, target: target, params: protectedParams(q, next)}
		if failed := c.readList(ctx, op, &answer); failed != nil {
			return nil, failed
		}
		for _, r := range answer.ProtectedResources {
			all = append(all, r.resource())
		}
		if answer.NextToken == "" {
			return all, nil
		}
		next = answer.NextToken
	}
	return nil, unknownResult(listProtectedResources, 0, response{}, "too many pages")
}

// protectedParams returns the parameters for one page. next is the token of the page; empty means
// the first one.
func protectedParams(q backup.ProtectedQuery, next string) []param.Parameter {
	params := []param.Parameter{{Name: "MaxResults", Value: "100"}}
	for _, p := range []param.Parameter{
		{Name: "SourceType", Value: string(q.SourceType)},
		{Name: "ResourceId", Value: q.ResourceID},
		{Name: "NextToken", Value: next},
	} {
		if p.Value != "" {
			params = append(params, p)
		}
	}
	return params
}

// A protectedPage is one page of ListProtectedResources, with the members that the portal uses.
type protectedPage struct {
	NextToken          string
	ProtectedResources []protectedItem
}

// A protectedItem is one resource with the names of the API.
type protectedItem struct {
	ResourceId, ResourceRegionId, SourceType, CreatedByProduct         string
	ResourceOwnerId, SnapshotCount, ProtectedDataSize, BackupPlanCount lenientInt
}

// resource converts i for the portal. It cleans all texts, because they come from another
// system.
func (i protectedItem) resource() backup.ProtectedResource {
	word := func(s string) string { return param.Clean(s, longestWord) }
	return backup.ProtectedResource{
		ResourceID:        word(i.ResourceId),
		Region:            word(i.ResourceRegionId),
		OwnerID:           strconv.FormatInt(int64(i.ResourceOwnerId), 10),
		SourceType:        param.SourceType(word(i.SourceType)),
		CreatedByProduct:  word(i.CreatedByProduct),
		SnapshotCount:     int64(i.SnapshotCount),
		ProtectedDataSize: int64(i.ProtectedDataSize),
		BackupPlanCount:   int64(i.BackupPlanCount),
	}
}
