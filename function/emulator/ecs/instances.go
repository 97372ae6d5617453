package ecs

import (
	"slices"
	"strings"

	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// An instancesAnswer is the reply of DescribeInstances.
type instancesAnswer struct {
	pageReply
	Instances struct{ Instance []instanceView }
}

// instanceAttributes are the values of AdditionalAttributes in DescribeInstances.
var instanceAttributes = []string{"META_OPTIONS", "DDH_CLUSTER", "NETWORK_PRIMARY_ENI_IP"}

// An instanceFilter holds the parsed parameters of DescribeInstances.
type instanceFilter struct {
	ids       []string // nil: all
	tags      []rpc.TagFilter
	addresses map[string][]string
	times     []timeFilter
	params    rpc.Params
}

// DescribeInstances is the operation DescribeInstances of ECS: the instances of the caller's
// account in RegionId, in the order of the world. Errors: InvalidParameter, UnsupportedParameter,
// DryRunOperation, InvalidParameter.NextToken.
func (s *Service) DescribeInstances(k *rpc.Call) (any, error) {
	f, err := parseInstanceFilter(k.Params)
	if err != nil {
		return nil, err
	}
	page, err := parsePaging(k, 100)
	if err != nil {
		return nil, err
	}
	var found []*world.Instance
	for i := range k.Caller.Account.Instances {
		if instance := &k.Caller.Account.Instances[i]; instance.Region == k.Region && f.matches(instance) {
			found = append(found, instance)
		}
	}
	// If a filter by tags or resource group is used, the vendor's page limits the number of
	// results. The answer does not show that there were more.
	if (len(f.tags) > 0 || f.params["ResourceGroupId"] != "") && len(found) > maxTagged {
		found = found[:maxTagged]
	}
	if err := checkCommon(k.Params, instanceAttributes...); err != nil {
		return nil, err
	}
	ans := instancesAnswer{}
	found, ans.pageReply = pageOf(k, page, found)
	ans.Instances.Instance = []instanceView{}
	for _, instance := range found {
		v := newInstanceView(instance)
		if !wantsAttribute(k.Params, "META_OPTIONS") {
			v.MetadataOptions = nil
		}
		ans.Instances.Instance = append(ans.Instances.Instance, v)
	}
	return ans, nil
}

// parseInstanceFilter reads and checks the filters of DescribeInstances.
func parseInstanceFilter(p rpc.Params) (f instanceFilter, err error) {
	f.params = p
	for name, allowed := range map[string][]string{
		"Status":              world.InstanceStatuses[1:],
		"InstanceChargeType":  {"PostPaid", "PrePaid"},
		"InstanceNetworkType": {"classic", "vpc"},
		"InternetChargeType":  {"PayByBandwidth", "PayByTraffic"},
		"LockReason":          {"financial", "security", "recycling", "Recycling", "dedicatedhostfinancial", "refunded"},
	} {
		if err := rpc.CheckOneOf(p, name, allowed...); err != nil {
			return f, err
		}
	}
	if err = checkBooleans(p, "DeviceAvailable", "IoOptimized", "NeedSaleCycle"); err != nil {
		return f, err
	}
	if f.ids, err = readIDs(p, "InstanceIds"); err != nil {
		return f, err
	}
	if f.addresses, err = readAddresses(p); err != nil {
		return f, err
	}
	f.times, err = readTimeFilters(p, "CreationStartTime", "CreationEndTime", "ExpiredStartTime", "ExpiredEndTime")
	if err != nil {
		return f, err
	}
	f.tags, err = readTags(p)
	return f, err
}

// matches reports whether an instance matches every filter. InstanceName may contain "*" and "?";
// without them it must equal the whole name.
func (f instanceFilter) matches(i *world.Instance) bool {
	p := f.params
	isLock := func(reason string) bool { return strings.EqualFold(reason, p["LockReason"]) }
	return matchesTexts(p, map[string]string{
		"Status": i.Status, "ResourceGroupId": i.ResourceGroup, "VpcId": i.VPC, "VSwitchId": switchOf(i),
		"ZoneId": i.Zone, "ImageId": i.Image, "InstanceType": i.Type, "InstanceTypeFamily": readType(i.Type).Family,
		"SecurityGroupId": groupOf(i), "KeyPairName": "", "HpcClusterId": "", "InstanceChargeType": payByUse,
		"InstanceNetworkType": "vpc", "InternetChargeType": payByTraffic, "DeviceAvailable": "true", "IoOptimized": "true",
	}) &&
		(f.ids == nil || slices.Contains(f.ids, i.ID)) &&
		(p["InstanceName"] == "" || ram.Matches(p["InstanceName"], i.Name)) &&
		(p["LockReason"] == "" || slices.ContainsFunc(i.Locks, isLock)) &&
		matchesAddresses(f.addresses, map[string][]string{
			"PrivateIpAddresses": i.PrivateIPs,
			"PublicIpAddresses":  i.PublicIPs,
		}) &&
		matchesTimes(f.times, i.Created, neverExpires) &&
		matchesTags(f.tags, i.Tags)
}
