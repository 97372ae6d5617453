// Package ecs answers the operations of ECS.
//
// They only look at the world. Both ways of paging are here: by number, and by
// tokens that are good for one query (pages.go).
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

// A Service answers the operations of ECS, which change nothing.
type Service struct {
	World world.Index // what exists
}

// Limits of ECS's pages, in things.
const (
	maxIDs    = 100  // in InstanceIds and DiskIds
	maxTags   = 20   // Tag.N
	maxTagged = 1000 // what a filter by tags or resource group sees
)

// elsewhere are documented parameters of the two operations that would change
// an answer and have no counterpart in a world. To pass them over would show
// things that the real ECS leaves out.
var unsupportedParams = regexp.MustCompile(`^(DryRun|LockReason|VSwitchId|SecurityGroupId|KeyPairName|HpcClusterId|DeviceAvailable|` +
	`IoOptimized|Instance(ChargeType|NetworkType|TypeFamily)|InternetChargeType|\w+Ip(v6)?Addresse?s?(\.\d+)?|Filter\.\d+\.\w+|` +
	`DiskName|DiskChargeType|Portable|Encrypted|KMSKeyId|MultiAttach|SnapshotId|DeleteWithInstance|DeleteAutoSnapshot|` +
	`Enable\w+|AutoSnapshotPolicyId|EipAddresses|OwnerAccount|ResourceOwnerAccount|OwnerId|ResourceOwnerId)$`)

// checkFilters refuses a filter that would have no effect.
func checkFilters(p rpc.Params) error {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if p[name] != "" && unsupportedParams.MatchString(name) {
			return rpc.Refuse(http.StatusBadRequest, "UnsupportedParameter", "%s: this emulator does not filter by it", name)
		}
	}
	return nil
}

// readIDs reads InstanceIds or DiskIds, the text of a JSON array. Nil means that
// nothing was asked for, which is everything.
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

var tagName = regexp.MustCompile(`^Tag\.([1-9][0-9]*)\.(Key|Value)$`)

// readTags gathers Tag.N.Key and Tag.N.Value. All of them have to fit.
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

// A tagList is how ECS nests tags in an answer. There they are called TagKey and
// TagValue, in a request Key and Value.
type tagList struct{ Tag []tag }

type tag struct{ TagKey, TagValue string }

// newTagList sorts by key, so that an answer is the same each time.
func newTagList(tags map[string]string) tagList {
	list := tagList{Tag: []tag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list.Tag = append(list.Tag, tag{key, tags[key]})
	}
	return list
}

// An ipList is how ECS nests addresses.
type ipList struct{ IpAddress []string }

func newIPList(ips []string) ipList { return ipList{append([]string{}, ips...)} }

// regionsAnswer is the reply of ECS DescribeRegions.
type regionsAnswer struct {
	RequestId string
	Regions   struct{ Region []region }
}

type region struct{ RegionId, LocalName, RegionEndpoint, Status string }

// DescribeRegions is ECS DescribeRegions: all regions of the world, none sold out.
func (s *Service) DescribeRegions(k *rpc.Call) (any, error) {
	ans := regionsAnswer{RequestId: k.ID}
	for _, id := range s.World.Regions {
		ans.Regions.Region = append(ans.Regions.Region,
			region{id, world.LocalName(id), "ecs." + id + ".aliyuncs.com", "available"})
	}
	return ans, nil
}
