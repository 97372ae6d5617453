package emulator

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An ecsService answers the operations of ECS, which change nothing.
type ecsService struct {
	world index // what exists
}

// Limits of ECS's pages, in things.
const (
	maxEcsIDs    = 100  // in InstanceIds and DiskIds
	maxEcsTags   = 20   // Tag.N
	maxEcsTagged = 1000 // what a filter by tags or resource group sees
)

// ecsElsewhere are documented parameters of the two operations that would change
// an answer and have no counterpart in a world. To pass them over would show
// things that the real ECS leaves out.
var ecsElsewhere = regexp.MustCompile(`^(DryRun|LockReason|VSwitchId|SecurityGroupId|KeyPairName|HpcClusterId|DeviceAvailable|` +
	`IoOptimized|Instance(ChargeType|NetworkType|TypeFamily)|InternetChargeType|\w+Ip(v6)?Addresse?s?(\.\d+)?|Filter\.\d+\.\w+|` +
	`DiskName|DiskChargeType|Portable|Encrypted|KMSKeyId|MultiAttach|SnapshotId|DeleteWithInstance|DeleteAutoSnapshot|` +
	`Enable\w+|AutoSnapshotPolicyId|EipAddresses|OwnerAccount|ResourceOwnerAccount|OwnerId|ResourceOwnerId)$`)

// checkEcsFilters refuses a filter that would have no effect.
func checkEcsFilters(p params) error {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if p[name] != "" && ecsElsewhere.MatchString(name) {
			return refuse(http.StatusBadRequest, "UnsupportedParameter", "%s: this emulator does not filter by it", name)
		}
	}
	return nil
}

// ecsIDs reads InstanceIds or DiskIds, the text of a JSON array. Nil means that
// nothing was asked for, which is everything.
func ecsIDs(p params, name string) ([]string, error) {
	if p[name] == "" {
		return nil, nil
	}
	ids, ok := jsonStrings([]byte(p[name]))
	if !ok || len(ids) == 0 || len(ids) > maxEcsIDs {
		return nil, invalid(name, "it is no json array of 1 to %d ids", maxEcsIDs)
	}
	return ids, nil
}

var tagName = regexp.MustCompile(`^Tag\.([1-9][0-9]*)\.(Key|Value)$`)

// ecsTags gathers Tag.N.Key and Tag.N.Value. All of them have to fit.
func ecsTags(p params) ([]tagFilter, error) {
	byIndex := map[int]*tagFilter{}
	for name, v := range p {
		m := tagName.FindStringSubmatch(name)
		if m == nil {
			if strings.HasPrefix(name, "Tag") {
				return nil, invalid(name, "tags are flattened as Tag.N.Key and Tag.N.Value, from 1")
			}
			continue
		}
		n, _ := strconv.Atoi(m[1])
		if byIndex[n] == nil {
			byIndex[n] = &tagFilter{}
		}
		if m[2] == "Key" {
			byIndex[n].key = v
		} else {
			byIndex[n].value = v
		}
	}
	if len(byIndex) > maxEcsTags {
		return nil, invalid("Tag", "at most %d tags are allowed", maxEcsTags)
	}
	var tags []tagFilter
	for _, tag := range byIndex {
		if tag.key == "" {
			return nil, invalid("Tag", "a tag has no key")
		}
		tags = append(tags, *tag)
	}
	return tags, nil
}

// A tagList is how ECS nests tags in an answer. There they are called TagKey and
// TagValue, in a request Key and Value.
type tagList struct{ Tag []ecsTag }

type ecsTag struct{ TagKey, TagValue string }

// newTagList sorts by key, so that an answer is the same each time.
func newTagList(tags map[string]string) tagList {
	list := tagList{Tag: []ecsTag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list.Tag = append(list.Tag, ecsTag{key, tags[key]})
	}
	return list
}

// An ipList is how ECS nests addresses.
type ipList struct{ IpAddress []string }

func newIPList(ips []string) ipList { return ipList{append([]string{}, ips...)} }

// ecsRegions is the reply of ECS DescribeRegions.
type ecsRegions struct {
	RequestId string
	Regions   struct{ Region []ecsRegion }
}

type ecsRegion struct{ RegionId, LocalName, RegionEndpoint, Status string }

// describeEcsRegions is ECS DescribeRegions: all regions of the world, none sold out.
func (s *ecsService) describeEcsRegions(k *call) (any, error) {
	ans := ecsRegions{RequestId: k.id}
	for _, id := range s.world.Regions {
		ans.Regions.Region = append(ans.Regions.Region,
			ecsRegion{id, localName(id), "ecs." + id + ".aliyuncs.com", "available"})
	}
	return ans, nil
}
