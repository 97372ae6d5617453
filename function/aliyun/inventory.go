package aliyun

import (
	"context"
	"strconv"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// ListAll returns all instances or clusters in the account and region of target. It reads every
// page and caches nothing. An instance has two more attributes than in [Client.List], Disks (their
// number) and Size (of all of them), unless the disks cannot be listed. Kinds other than
// [backup.Clusters] mean instances. Errors are [*backup.CloudError] values; then there are no
// candidates.
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

// disksTimeout limits the time for disks in [Client.ListAll]: a page with machines is useful without
// sizes.
const disksTimeout = 1500 * time.Millisecond

// allPages reads a list to its end.
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

// orNil returns failed as an error that is nil if failed is.
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

// diskTotals returns the disks of all instances by instance id (ECS, DescribeDisks), or nil if they
// cannot be listed.
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
