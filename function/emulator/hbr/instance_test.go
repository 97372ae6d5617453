package hbr

import (
	"cmp"
	"testing"

	"backupportal/function/emulator/world"
)

func TestSnapshotGroupLimits(t *testing.T) {
	disk := world.Disk{Category: "cloud_essd", GiB: 1, Status: "In_use"}
	many := make([]world.Disk, 17)
	for i := range many {
		many[i] = disk
	}
	for name, i := range map[string]world.Instance{
		"17 disks":                 {Disks: many},
		"more than 32 TiB":         {Disks: []world.Disk{{Category: "cloud_essd", GiB: 32 << 10, Status: "In_use"}, disk}},
		"a disk of many hosts":     {Disks: []world.Disk{disk, {Category: "cloud_essd", GiB: 1, MultiAttach: true, Status: "In_use"}}},
		"a disk that is not there": {Disks: []world.Disk{disk, {Category: "cloud_essd", GiB: 1, Status: "Detaching"}}},
		"an instance that starts":  {Disks: []world.Disk{disk}, Status: "Starting"},
	} {
		i.Status = cmp.Or(i.Status, "Running")
		if checkSnapshotGroup(&i) == nil {
			t.Errorf("%s was allowed", name)
		}
	}
	if err := checkSnapshotGroup(&world.Instance{Disks: many[:16], Status: "Stopped"}); err != nil {
		t.Errorf("16 disks: %v", err)
	}
}
