package aliyun

import (
	"context"
	"encoding/json"
	"slices"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// maxInstanceIDs is the maximum number of instance ids in one request (ECS, DescribeInstances,
// InstanceIds).
const maxInstanceIDs = 100

// DescribeInstances returns the tags of ECS instances in the account and region of target, by
// instance id. An instance that does not exist has no entry. One request reads up to 100 ids.
// The tags are always read from the cloud, never from a cache, because they decide what a
// caller may do. The instances that were read are put into the cache of [Client.List], because
// a submission then asks for the instance's name.
//
// If there is an error, it returns no tags at all. Errors are [*backup.CloudError] values. For
// an account with the access hbr_cross_account it is [backup.ErrRefused], because the portal
// has no role there. Source: ECS, DescribeInstances.
func (c *Client) DescribeInstances(
	ctx context.Context,
	target backup.Target,
	ids []string,
) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	for some := range slices.Chunk(ids, maxInstanceIDs) {
		if err := c.instanceTags(ctx, target, some, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// instanceTags reads the instances of up to 100 ids with one request. It adds their tags to
// all, and puts the instances into the cache of [Client.List].
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
		Instances *struct{ Instance []ecsInstance }
	}
	if err := json.Unmarshal(a.body, &page); err != nil || page.Instances == nil {
		return unknownResult(describeInstances, a.status, r, "the list could not be read")
	}
	for _, instance := range page.Instances.Instance {
		if !slices.Contains(ids, instance.InstanceId) {
			continue // not requested: ignore it
		}
		tags := map[string]string{}
		for _, tag := range instance.Tags.Tag {
			tags[tag.TagKey] = tag.TagValue
		}
		all[instance.InstanceId] = tags
		one := backup.CandidateQuery{Kind: backup.Instances, InstanceID: instance.InstanceId}
		found := backup.Candidates{Items: []backup.Candidate{instance.candidate()}}
		c.lists.Put(listKey(target, one), found, c.cfg.Now().Add(listTTL))
	}
	return nil
}
