package ecs

import (
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"backupportal/function/emulator/plainjson"
	"backupportal/function/emulator/rpc"
)

// unsupportedParams are documented parameters that the emulator cannot evaluate, so it refuses
// them. If it ignored them, the answer would have resources that the real ECS leaves out.
var unsupportedParams = regexp.MustCompile(`^(OwnerAccount|ResourceOwnerAccount|OwnerId|ResourceOwnerId|` +
	`HttpEndpoint|HttpTokens|HttpPutResponseHopLimit)$`)

// checkCommon checks the parameters that DescribeInstances and DescribeDisks share and that are
// not filters. Errors: UnsupportedParameter, InvalidParameter. A valid call with DryRun=true
// returns DryRunOperation, as on the vendor's page.
func checkCommon(p rpc.Params, additional ...string) error {
	for name, value := range p {
		switch {
		case value == "":
		case unsupportedParams.MatchString(name):
			return rpc.Refuse(http.StatusBadRequest, "UnsupportedParameter", "%s: this emulator does not evaluate it", name)
		case strings.HasPrefix(name, "AdditionalAttributes") && !slices.Contains(additional, value):
			return rpc.Invalid(name, "%q is not one of %s", value, strings.Join(additional, ", "))
		}
	}
	if err := rpc.CheckOneOf(p, "DryRun", "true", "false"); err != nil {
		return err
	}
	if p["DryRun"] == "true" {
		return rpc.Refuse(http.StatusBadRequest, "DryRunOperation", "the request would be carried out without DryRun")
	}
	return nil
}

// wantsAttribute reports whether an AdditionalAttributes.N asks for a part of the answer.
func wantsAttribute(p rpc.Params, attribute string) bool {
	for name, value := range p {
		if strings.HasPrefix(name, "AdditionalAttributes.") && value == attribute {
			return true
		}
	}
	return false
}

// matchesTexts reports whether every parameter in have is absent or has this value.
func matchesTexts(p rpc.Params, have map[string]string) bool {
	for name, value := range have {
		if want := p[name]; want != "" && want != value {
			return false
		}
	}
	return true
}

// addressFilters are the parameters of DescribeInstances that are JSON arrays of addresses.
var addressFilters = []string{
	"InnerIpAddresses", "PrivateIpAddresses", "PublicIpAddresses", "EipAddresses", "RdmaIpAddresses",
}

// readAddresses reads the filters by IP address. A nil list means that the filter is absent.
// Ipv6Address is not a JSON array but a list of parameters Ipv6Address.N. The error is
// InvalidParameter.
func readAddresses(p rpc.Params) (map[string][]string, error) {
	filters := map[string][]string{}
	for _, name := range addressFilters {
		ids, err := readIDs(p, name)
		if err != nil {
			return nil, err
		}
		filters[name] = ids
	}
	for name, value := range p {
		if strings.HasPrefix(name, "Ipv6Address") && value != "" {
			filters["Ipv6Address"] = append(filters["Ipv6Address"], value)
		}
	}
	for name, addresses := range filters {
		for _, address := range addresses {
			if _, err := netip.ParseAddr(address); err != nil {
				return nil, rpc.Invalid(name, "%q is not an address", address)
			}
		}
	}
	return filters, nil
}

// matchesAddresses reports whether an instance has one of the addresses of each filter. have
// maps a filter to the instance's addresses; kinds of addresses that no emulated instance has
// are missing in it.
func matchesAddresses(filters, have map[string][]string) bool {
	for name, wanted := range filters {
		if wanted != nil && !slices.ContainsFunc(have[name], func(a string) bool { return slices.Contains(wanted, a) }) {
			return false
		}
	}
	return true
}

// minuteLayout is the form of times in parameters and replies of ECS.
const minuteLayout = "2006-01-02T15:04Z"

// A timeFilter is one pair of Filter.N.Key and Filter.N.Value.
type timeFilter struct {
	key  string
	time time.Time
}

// timeFilterName matches a parameter of the list of time filters.
var timeFilterName = regexp.MustCompile(`^Filter\.([1-4])\.(Key|Value)$`)

// readTimeFilters reads Filter.N.Key and Filter.N.Value. keys are the allowed keys. The error is
// InvalidParameter.
func readTimeFilters(p rpc.Params, keys ...string) ([]timeFilter, error) {
	var filters []timeFilter
	for name, value := range p {
		switch m := timeFilterName.FindStringSubmatch(name); {
		case !strings.HasPrefix(name, "Filter"):
			continue
		case m == nil:
			return nil, rpc.Invalid(name, "filters are Filter.N.Key and Filter.N.Value, with N from 1 to 4")
		case m[2] == "Value" && p["Filter."+m[1]+".Key"] == "" && value != "":
			return nil, rpc.Invalid(name, "it has no key")
		case m[2] == "Value" || value == "":
			continue
		case !slices.Contains(keys, value):
			return nil, rpc.Invalid(name, "%q is not one of %s", value, strings.Join(keys, ", "))
		default:
			text := p["Filter."+m[1]+".Value"]
			at, err := time.Parse(minuteLayout, text)
			if err != nil {
				return nil, rpc.Invalid("Filter."+m[1]+".Value", "%q is not a time as 2006-01-02T15:04Z", text)
			}
			filters = append(filters, timeFilter{value, at})
		}
	}
	return filters, nil
}

// matches reports whether a resource that was created and expires at these times matches. Both
// ends of an interval are included.
func (f timeFilter) matches(created, expires string) bool {
	text := created
	if strings.HasPrefix(f.key, "Expired") {
		text = expires
	}
	at, _ := time.Parse(minuteLayout, text) // the world was checked
	if strings.HasSuffix(f.key, "StartTime") {
		return !at.Before(f.time)
	}
	return !at.After(f.time)
}

// matchesTimes reports whether a resource matches every filter by time.
func matchesTimes(filters []timeFilter, created, expires string) bool {
	return !slices.ContainsFunc(filters, func(f timeFilter) bool { return !f.matches(created, expires) })
}

// readIDs reads a JSON array of 1 to maxIDs texts, such as InstanceIds. It returns nil for an
// absent parameter, which means all.
func readIDs(p rpc.Params, name string) ([]string, error) {
	if p[name] == "" {
		return nil, nil
	}
	ids, ok := plainjson.Strings([]byte(p[name]))
	if !ok || len(ids) == 0 || len(ids) > maxIDs {
		return nil, rpc.Invalid(name, "it is no json array of 1 to %d texts", maxIDs)
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

// matchesTags reports whether a resource has all tags of the filters.
func matchesTags(filters []rpc.TagFilter, tags map[string]string) bool {
	return !slices.ContainsFunc(filters, func(f rpc.TagFilter) bool { return !f.Fits(tags) })
}

// checkBooleans returns InvalidParameter for a parameter that is neither true nor false.
func checkBooleans(p rpc.Params, names ...string) error {
	for _, name := range names {
		if err := rpc.CheckOneOf(p, name, "true", "false"); err != nil {
			return err
		}
	}
	return nil
}
