// Package ecs carries out the operations of ECS.
//
// They read the world and change nothing. Each list shows only the caller's account in RegionId.
// There are two kinds of paging (pages.go):
//
//	kind     parameters               TotalCount
//	number   PageNumber, PageSize     the number of all elements
//	token    NextToken, MaxResults    0
//
// A token is valid only for the query that returned it.
package ecs

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/emulator/plainjson"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// A Service carries out the operations of ECS. It is safe for concurrent use.
type Service struct {
	World world.Index // accounts and resources
}

// Limits of the vendor's pages.
const (
	maxIDs    = 100  // number of ids in InstanceIds and DiskIds
	maxTags   = 20   // number of tags in Tag.N
	maxTagged = 1000 // maximum number of results of a filter by tags or resource group
)

// unsupportedParams are documented parameters that change an answer of the real ECS, but have no
// counterpart in a world. They are refused: ignored, they would return resources that the real
// ECS leaves out.
var unsupportedParams = regexp.MustCompile(`^(DryRun|LockReason|VSwitchId|SecurityGroupId|KeyPairName|HpcClusterId|DeviceAvailable|` +
	`IoOptimized|Instance(ChargeType|NetworkType|TypeFamily)|InternetChargeType|\w+Ip(v6)?Addresse?s?(\.\d+)?|Filter\.\d+\.\w+|` +
	`DiskName|DiskChargeType|Portable|Encrypted|KMSKeyId|MultiAttach|SnapshotId|DeleteWithInstance|DeleteAutoSnapshot|` +
	`Enable\w+|AutoSnapshotPolicyId|EipAddresses|OwnerAccount|ResourceOwnerAccount|OwnerId|ResourceOwnerId)$`)

// checkFilters returns the error UnsupportedParameter if p gives a value to a parameter that matches
// unsupportedParams.
func checkFilters(p rpc.Params) error {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if p[name] != "" && unsupportedParams.MatchString(name) {
			return rpc.Refuse(http.StatusBadRequest, "UnsupportedParameter", "%s: this emulator does not filter by it", name)
		}
	}
	return nil
}

// readIDs reads InstanceIds or DiskIds, a JSON array of 1 to maxIDs ids. It returns nil for an
// absent parameter, which means all.
func readIDs(p rpc.Params, name string) ([]string, error) {
	if p[name] == "" {
		return nil, nil
	}
	ids, ok := plainjson.Strings([]byte(p[name]))
	if !ok || len(ids) == 0 || len(ids) > maxIDs {
		return nil, rpc.Invalid(name, "it is no json array of 1 to %d ids", maxIDs)
	}
	return ids, nil
}

// tagName matches a parameter of the flattened list of tags.
var tagName = regexp.MustCompile(`^Tag\.([1-9][0-9]*)\.(Key|Value)$`)

// readTags reads Tag.N.Key and Tag.N.Value. A resource must match all of them.
func readTags(p rpc.Params) ([]rpc.TagFilter, error) {
	byIndex := map[int]*rpc.TagFilter{}
	for name, v := range p {
		m := tagName.FindStringSubmatch(name)
		if m == nil {
			if strings.HasPrefix(name, "Tag") {
				return nil, rpc.Invalid(name, "tags are flattened as Tag.N.Key and Tag.N.Value, from 1")
			}
			continue
		}
		n, _ := strconv.Atoi(m[1])
		if byIndex[n] == nil {
			byIndex[n] = &rpc.TagFilter{}
		}
		if m[2] == "Key" {
			byIndex[n].Key = v
		} else {
			byIndex[n].Value = v
		}
	}
	if len(byIndex) > maxTags {
		return nil, rpc.Invalid("Tag", "at most %d tags are allowed", maxTags)
	}
	var tags []rpc.TagFilter
	for _, tag := range byIndex {
		if tag.Key == "" {
			return nil, rpc.Invalid("Tag", "a tag has no key")
		}
		tags = append(tags, *tag)
	}
	return tags, nil
}

// A tagList is the form of tags in replies of ECS. The members are TagKey and TagValue, while
// requests have Key and Value.
type tagList struct{ Tag []tag }

// A tag is one element of a tagList.
type tag struct{ TagKey, TagValue string }

// newTagList returns tags sorted by key, so that equal calls have equal replies.
func newTagList(tags map[string]string) tagList {
	list := tagList{Tag: []tag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list.Tag = append(list.Tag, tag{key, tags[key]})
	}
	return list
}

// An ipList is the form of addresses in replies of ECS.
type ipList struct{ IpAddress []string }

// newIPList returns the addresses, never as null.
func newIPList(ips []string) ipList { return ipList{append([]string{}, ips...)} }

// A regionsAnswer is the reply of DescribeRegions of ECS.
type regionsAnswer struct {
	RequestId string
	Regions   struct{ Region []region }
}

// A region is one element of Regions.Region.
type region struct{ RegionId, LocalName, RegionEndpoint, Status string }

// DescribeRegions is the operation DescribeRegions of ECS: all regions of the world, each with
// Status available.
func (s *Service) DescribeRegions(k *rpc.Call) (any, error) {
	ans := regionsAnswer{RequestId: k.ID}
	for _, id := range s.World.Regions {
		ans.Regions.Region = append(ans.Regions.Region,
			region{id, world.LocalName(id), "ecs." + id + ".aliyuncs.com", "available"})
	}
	return ans, nil
}
