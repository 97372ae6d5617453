package app

import (
	"testing"

	"backupportal/function/param"
)

// TestTimeZone proves that TIME_ZONE decides before the region of the function, and that every
// region has a zone.
func TestTimeZone(t *testing.T) {
	for _, c := range []struct{ zone, region, want string }{
		{"", "", "Asia/Shanghai"},
		{"", "cn-hangzhou", "Asia/Shanghai"},
		{"", "cn-hongkong", "Asia/Hong_Kong"},
		{"", "eu-central-1", "Europe/Berlin"},
		{"", "xx-new-1", "Asia/Shanghai"},
		{"America/Sao_Paulo", "cn-hangzhou", "America/Sao_Paulo"},
		{"UTC", "cn-hangzhou", "UTC"},
	} {
		env := map[string]string{"TIME_ZONE": c.zone, "FC_REGION": c.region}
		var got Config
		if err := got.readZone(func(name string) string { return env[name] }); err != nil || got.Zone.String() != c.want {
			t.Errorf("%+v: %v, %v", c, got.Zone, err)
		}
	}
	for _, region := range param.Regions {
		found := false
		for _, r := range regionZones {
			found = found || len(region.ID) >= len(r.prefix) && region.ID[:len(r.prefix)] == r.prefix
		}
		if !found {
			t.Errorf("region %s has no time zone", region.ID)
		}
		var c Config
		if err := c.readZone(func(name string) string { return map[string]string{"FC_REGION": region.ID}[name] }); err != nil {
			t.Errorf("%s: %v", region.ID, err)
		}
	}
}
