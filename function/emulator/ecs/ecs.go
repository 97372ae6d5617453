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
	"slices"

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

// neverExpires is ExpiredTime of a resource that is paid by use, as in the real ECS.
const neverExpires = "2099-12-31T15:59Z"

// payByUse is the charge type of all resources of a world.
const payByUse = "PostPaid"

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
