package aliyun

import (
	"context"
	"encoding/json"
	"slices"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// maxInstanceIDs is the maximum number of ids in one request (ECS, DescribeInstances,
// InstanceIds).
const maxInstanceIDs = 100

// DescribeInstances returns the tags of ECS instances in the account and region of target,
// by instance id. An instance that does not exist has no entry. It makes one request for
// each 100 ids. A submission asks for the name of its instance later, so the answer is kept for
// [Client.List] too. The tags are always read, because they grant rights.
//
// Errors are [*backup.CloudError] values; then the tags of none of the instances are known.
// For an account with access hbr_cross_account the error is [backup.ErrRefused], because
// the portal assumes no role there. Source: ECS, DescribeInstances.
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

// instanceTags makes one request, adds the tags to all, and puts the instances into the cache of lists.
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
