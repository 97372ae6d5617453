package ecs

import (
	"slices"

	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// An instancesAnswer is the reply of DescribeInstances.
type instancesAnswer struct {
	pageReply
	Instances struct{ Instance []instanceView }
}

// An instanceView is one element of Instances.Instance. It has the members for which a world has
// a value, of more than a hundred on the vendor's page. An empty list is [] and a missing address
// is "", and a client must accept both.
type instanceView struct {
	InstanceId, InstanceName, HostName, Description, Status      string
	RegionId, ZoneId, InstanceType, ImageId, InstanceNetworkType string
	OSType, OSName, OSNameEn                                     string
	CreationTime                                                 string // to the minute, as 2025-11-02T03:04Z
	ResourceGroupId                                              string

	VpcAttributes struct {
		VpcId, VSwitchId string
		PrivateIpAddress ipList
	}
	PublicIpAddress ipList
	EipAddress      struct{ IpAddress, AllocationId string }
	Tags            tagList
	OperationLocks  struct{ LockReason []lockReason }
}

// A lockReason is the reason of a lock. The contents of LockMsg are not documented.
type lockReason struct{ LockReason, LockMsg string }

// An instanceFilter holds the parsed parameters of DescribeInstances.
type instanceFilter struct {
	ids    []string // nil: all
	tags   []rpc.TagFilter
	params rpc.Params
}

// DescribeInstances is the operation DescribeInstances of ECS: the instances of the caller's
// account in RegionId, in the order of the world. Errors: InvalidParameter, UnsupportedParameter,
// InvalidParameter.NextToken.
func (s *Service) DescribeInstances(k *rpc.Call) (any, error) {
	f, err := parseInstanceFilter(k.Params)
	if err != nil {
		return nil, err
	}
	page, err := parsePaging(k, 100)
	if err != nil {
		return nil, err
	}
	var views []instanceView
	for i := range k.Caller.Account.Instances {
		if instance := &k.Caller.Account.Instances[i]; instance.Region == k.Region && f.matches(instance) {
			views = append(views, newInstanceView(instance))
		}
	}
	// The vendor's page limits the results of a filter by tags or resource group. The reply does
	// not show that there were more.
	if (len(f.tags) > 0 || f.params["ResourceGroupId"] != "") && len(views) > maxTagged {
		views = views[:maxTagged]
	}
	ans := instancesAnswer{}
	ans.Instances.Instance, ans.pageReply = pageOf(k, page, views)
	return ans, nil
}

// parseInstanceFilter reads and checks the filters of DescribeInstances.
func parseInstanceFilter(p rpc.Params) (instanceFilter, error) {
	f := instanceFilter{params: p}
	err := checkFilters(p)
	if err != nil {
		return f, err
	}
	if err = rpc.CheckOneOf(p, "Status", world.InstanceStatuses[1:]...); err != nil {
		return f, err
	}
	if f.ids, err = readIDs(p, "InstanceIds"); err != nil {
		return f, err
	}
	f.tags, err = readTags(p)
	return f, err
}

// matches reports whether an instance matches every filter. InstanceName may contain "*" and "?";
// without them it must equal the whole name.
func (f instanceFilter) matches(i *world.Instance) bool {
	p := f.params
	for name, have := range map[string]string{
		"Status": i.Status, "ResourceGroupId": i.ResourceGroup, "VpcId": i.VPC,
		"ZoneId": i.Zone, "ImageId": i.Image, "InstanceType": i.Type,
	} {
		if p[name] != "" && p[name] != have {
			return false
		}
	}
	return (f.ids == nil || slices.Contains(f.ids, i.ID)) &&
		(p["InstanceName"] == "" || ram.Matches(p["InstanceName"], i.Name)) &&
		!slices.ContainsFunc(f.tags, func(tag rpc.TagFilter) bool { return !tag.Fits(i.Tags) })
}

// newInstanceView returns the row of an instance. Disks are only in DescribeDisks.
func newInstanceView(i *world.Instance) instanceView {
	v := instanceView{
		InstanceId: i.ID, InstanceName: i.Name, HostName: i.HostName, Status: i.Status,
		RegionId: i.Region, ZoneId: i.Zone, InstanceType: i.Type, ImageId: i.Image, InstanceNetworkType: "vpc",
		OSType: i.OS, OSName: i.OSName, OSNameEn: i.OSName,
		CreationTime: i.Created, ResourceGroupId: i.ResourceGroup,
		PublicIpAddress: newIPList(i.PublicIPs), Tags: newTagList(i.Tags),
	}
	v.VpcAttributes.VpcId = i.VPC
	v.VpcAttributes.PrivateIpAddress = newIPList(i.PrivateIPs)
	v.OperationLocks.LockReason = []lockReason{}
	for _, reason := range i.Locks {
		v.OperationLocks.LockReason = append(v.OperationLocks.LockReason, lockReason{LockReason: reason})
	}
	return v
}
