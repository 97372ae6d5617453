package emulator

// hbrRegionsAnswer is the reply of HBR DescribeRegions.
type hbrRegionsAnswer struct {
	envelope
	Regions struct{ Region []hbrRegion }
}

// A hbrRegion has fewer fields than ECS's.
type hbrRegion struct{ RegionId, LocalName string }

// describeHBRRegions is HBR DescribeRegions: all regions of the world. That it
// needs hbr:DescribeRegions follows from how other permissions are named only.
func (s *hbrService) describeHBRRegions(k *call) (any, error) {
	ans := hbrRegionsAnswer{envelope: success(k)}
	for _, id := range s.world.Regions {
		ans.Regions.Region = append(ans.Regions.Region, hbrRegion{id, localName(id)})
	}
	return ans, nil
}
