package aliyun

import (
	"context"
	"strconv"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// ListAll returns all clusters in the account and region of target if kind is
// [backup.Clusters]. Otherwise it returns all instances. It reads every page and caches
// nothing. An instance has the attributes Disks (their number) and Size (of all together) in
// addition to those of [Client.List], unless its disks cannot be listed. Errors are
// [*backup.CloudError] values; with an error it returns no items. For an account with the
// access hbr_cross_account it is [backup.ErrRefused], because the portal has no role there.
func (c *Client) ListAll(ctx context.Context, target backup.Target, kind backup.CandidateKind) ([]backup.Candidate, error) {
	if target.Account.Access == backup.HBRCrossAccount {
		op := operation{action: describeContainerCluster, target: target}
		return nil, op.refused(badTarget, "the portal has no role in this account") // a list would be that of its own account
	}
	if kind == backup.Clusters {
		all, failed := allPages(func(next string) (backup.Candidates, *backup.CloudError) {
			return c.clusters(ctx, target, backup.CandidateQuery{Kind: kind, Next: next})
		})
		return all, orNil(failed)
	}
	var disks map[string]diskTotal
	var reading sync.WaitGroup
	reading.Go(func() {
		limited, cancel := context.WithTimeout(ctx, disksTimeout)
		defer cancel()
		disks = c.diskTotals(limited, target)
	})
	all, failed := allPages(func(next string) (backup.Candidates, *backup.CloudError) {
		return c.instancePage(ctx, target, next, "", "", false)
	})
	if failed != nil {
		return nil, failed // the disks are refused for the same reason, or read without use
	}
	reading.Wait()
	for i, t := range all {
		if total, ok := disks[t.ID]; ok {
			all[i].Attributes = append(t.Attributes,
				backup.Attribute{Name: "Disks", Value: strconv.Itoa(total.number)},
				backup.Attribute{Name: "Size", Value: strconv.FormatInt(total.size, 10) + " GiB"})
		}
	}
	return all, nil
}

// disksTimeout limits how long [Client.ListAll] waits for the disks. After it, the list is
// shown without sizes, which is better than no list.
const disksTimeout = 1500 * time.Millisecond

// allPages reads all pages of a list and returns their items together.
func allPages(read func(next string) (backup.Candidates, *backup.CloudError)) (all []backup.Candidate, failed *backup.CloudError) {
	for next, page := "", 1; page <= maxPages; page++ {
		found, failed := read(next)
		if failed != nil {
			return nil, failed
		}
		if all = append(all, found.Items...); found.Next == "" {
			return all, nil
		}
		next = found.Next
	}
	return nil, unknownResult("list", 0, response{}, "too many pages")
}

// orNil returns failed as an error. A nil pointer becomes a nil error.
func orNil(failed *backup.CloudError) error {
	if failed == nil {
		return nil
	}
	return failed
}

// A diskTotal is the number of the disks of one instance and their size in GiB.
type diskTotal struct {
	number int
	size   int64
}

// diskTotals returns the number and total size of the disks of each instance, by instance id
// (ECS, DescribeDisks). It returns nil if the disks cannot be listed.
func (c *Client) diskTotals(ctx context.Context, target backup.Target) map[string]diskTotal {
	totals := map[string]diskTotal{}
	for next, number := "", 1; number <= maxPages; number++ {
		params := []param.Parameter{{Name: "RegionId", Value: target.Region}, {Name: "MaxResults", Value: "500"}}
		if next != "" {
			params = append(params, param.Parameter{Name: "NextToken", Value: next})
		}
		var page struct {
			NextToken string
			Disks     struct {
				Disk []struct {
					InstanceId string
					Size       int64
				}
			}
		}
		if c.readList(ctx, operation{api: ecs, action: describeDisks, target: target, params: params}, &page) != nil {
			return nil
		}
		for _, d := range page.Disks.Disk {
			total := totals[d.InstanceId]
			totals[d.InstanceId] = diskTotal{total.number + 1, total.size + d.Size}
		}
		if next = page.NextToken; next == "" {
			return totals
		}
	}
	return nil
}
