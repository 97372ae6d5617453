package app

import (
	"errors"
	"strings"
	"time"
	_ "time/tzdata" // the platforms' images have no time zones
)

// regionZones are the time zones of the regions of Alibaba Cloud, by the id or the beginning of
// the id. The first row that matches wins.
var regionZones = []struct{ prefix, zone string }{
	{"cn-hongkong", "Asia/Hong_Kong"},
	{"cn-", "Asia/Shanghai"},
	{"ap-northeast-1", "Asia/Tokyo"},
	{"ap-northeast-2", "Asia/Seoul"},
	{"ap-southeast-1", "Asia/Singapore"},
	{"ap-southeast-3", "Asia/Kuala_Lumpur"},
	{"ap-southeast-5", "Asia/Jakarta"},
	{"ap-southeast-6", "Asia/Manila"},
	{"ap-southeast-7", "Asia/Bangkok"},
	{"us-east-1", "America/New_York"},
	{"us-west-1", "America/Los_Angeles"},
	{"eu-west-1", "Europe/London"},
	{"eu-central-1", "Europe/Berlin"},
	{"me-east-1", "Asia/Dubai"},
	{"me-central-1", "Asia/Riyadh"},
}

// defaultZone is the time zone if TIME_ZONE is not set and the region of the function is unknown.
const defaultZone = "Asia/Shanghai"

// zoneOf returns the name of the time zone of a region, or [defaultZone] if the region is unknown.
func zoneOf(region string) string {
	for _, r := range regionZones {
		if strings.HasPrefix(region, r.prefix) {
			return r.zone
		}
	}
	return defaultZone
}

// readZone reads TIME_ZONE. Without it, the zone is that of FC_REGION, which Function Compute sets.
func (c *Config) readZone(getenv func(string) string) error {
	name := getenv("TIME_ZONE")
	if name == "" {
		name = zoneOf(getenv("FC_REGION"))
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return errors.New("TIME_ZONE must be the name of a time zone in the IANA database, such as Asia/Shanghai or UTC")
	}
	c.Zone = zone
	return nil
}
