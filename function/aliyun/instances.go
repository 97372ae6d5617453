package aliyun

import (
	"context"
	"encoding/json"
	"slices"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// mostInstances is how many instances one request may ask for (ECS,
// DescribeInstances, InstanceIds).
const mostInstances = 100

// DescribeInstances returns the tags of instances in the account and region of target
// (ECS, DescribeInstances). An instance that is not there has no entry. Instances
// of an account that Cloud Backup reaches by itself cannot be read, because the
// portal takes on no role there. Errors are [*backup.CloudError] values; after
// one nothing is known of any of them.
func (c *Client) DescribeInstances(
	ctx context.Context,
	target backup.Target,
	ids []string,
) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	for some := range slices.Chunk(ids, mostInstances) {
		if err := c.instanceTags(ctx, target, some, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// instanceTags adds what one request tells.
func (c *Client) instanceTags(
	ctx context.Context,
	target backup.Target,
	ids []string,
	all map[string]map[string]string,
) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	op := operation{api: ecs, action: describeInstances, target: target, params: []param.Parameter{
		{Name: "RegionId", Value: target.Region},
		{Name: "MaxResults", Value: "100"},
		{Name: "InstanceIds", Value: string(list)},
	}}
	if target.Account.Access == backup.HBRCrossAccount {
		return op.refused(badTarget, "the portal has no role in this account")
	}
	a, r, failed := c.perform(ctx, op)
	if failed != nil {
		return failed
	}
	var page struct {
		Instances *struct {
			Instance []struct {
				InstanceId string
				Tags       struct {
					Tag []struct{ TagKey, TagValue string }
				}
			}
		}
	}
	if err := json.Unmarshal(a.body, &page); err != nil || page.Instances == nil {
		return unread(describeInstances, a.status, r, "the list could not be read")
	}
	for _, instance := range page.Instances.Instance {
		if !slices.Contains(ids, instance.InstanceId) {
			continue // nobody asked
		}
		tags := map[string]string{}
		for _, tag := range instance.Tags.Tag {
			tags[tag.TagKey] = tag.TagValue
		}
		all[instance.InstanceId] = tags
	}
	return nil
}
