package ecs

import (
	"slices"
	"strings"

	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// disksAnswer is the reply of DescribeDisks. Its paging is that of
// DescribeInstances but for the size of a page.
type disksAnswer struct {
	pageReply
	Disks struct{ Disk []diskView }
}

// A diskView is one Disks.Disk of DescribeDisks.
type diskView struct {
	DiskId, DiskName, Category, PerformanceLevel, Type, Status string
	Device, InstanceId, MultiAttach, RegionId, ZoneId          string
	Size                                                       int64 // GiB

	Encrypted, Portable, DeleteWithInstance bool

	Attachments struct{ Attachment []attachment }
	Tags        tagList
}

// An attachment repeats what the disk says of its instance: with MultiAttach
// there may be several, and the disk's own fields are empty at the vendor's.
type attachment struct{ InstanceId, Device, AttachedTime string }

// Values of DescribeDisks's parameters. The two families of local disks are
// followed by a type.
var (
	diskTypes      = []string{"all", "system", "data"}
	diskCategories = []string{"all", "cloud", "cloud_efficiency", "cloud_ssd", "cloud_essd", "cloud_auto",
		"cloud_regional_disk_auto", "cloud_essd_entry"}
	localDisks = []string{"elastic_ephemeral_disk_", "local_"}
)

// DescribeDisks is ECS DescribeDisks: the disks of the caller's account in
// RegionId. A world has no disk that is not attached.
func (s *Service) DescribeDisks(k *rpc.Call) (any, error) {
	ids, err := parseDiskFilter(k.Params)
	if err != nil {
		return nil, err
	}
	page, err := parsePaging(k, 500)
	if err != nil {
		return nil, err
	}
	var views []diskView
	for i := range k.Caller.Account.Instances {
		instance := &k.Caller.Account.Instances[i]
		if instance.Region != k.Region {
			continue
		}
		for n := range instance.Disks {
			v := newDiskView(instance, &instance.Disks[n])
			if (ids == nil || slices.Contains(ids, v.DiskId)) && diskMatches(k.Params, v) {
				views = append(views, v)
			}
		}
	}
	ans := disksAnswer{}
	ans.Disks.Disk, ans.pageReply = pageOf(k, page, views)
	return ans, nil
}

// parseDiskFilter checks the filters and returns DiskIds.
func parseDiskFilter(p rpc.Params) ([]string, error) {
	if err := checkFilters(p); err != nil {
		return nil, err
	}
	if err := rpc.CheckOneOf(p, "DiskType", diskTypes...); err != nil {
		return nil, err
	}
	if err := rpc.CheckOneOf(p, "Status", append([]string{"All"}, world.DiskStatuses[1:]...)...); err != nil {
		return nil, err
	}
	// The types of local disks are too many to list, and new ones come.
	local := slices.ContainsFunc(localDisks, func(prefix string) bool { return strings.HasPrefix(p["Category"], prefix) })
	if err := rpc.CheckOneOf(p, "Category", diskCategories...); err != nil && !local {
		return nil, err
	}
	return readIDs(p, "DiskIds")
}

// diskFits compares what was given; all, in either case, is no filter, since the
// page writes it both ways.
func diskMatches(p rpc.Params, v diskView) bool {
	for name, have := range map[string]string{
		"InstanceId": v.InstanceId, "DiskType": v.Type, "Category": v.Category, "Status": v.Status,
	} {
		if want := p[name]; want != "" && !strings.EqualFold(want, "all") && want != have {
			return false
		}
	}
	return true
}

// newDiskView says of a system disk that it goes with its instance and stays on it.
func newDiskView(i *world.Instance, d *world.Disk) diskView {
	v := diskView{
		DiskId: d.ID, DiskName: d.Name, Category: d.Category, PerformanceLevel: d.PerformanceLevel,
		Type: d.Type, Status: d.Status, Device: d.Device, InstanceId: i.ID, MultiAttach: "Disabled",
		RegionId: i.Region, ZoneId: i.Zone, Size: d.GiB, Encrypted: d.Encrypted,
		Portable: d.Type == "data", DeleteWithInstance: d.Type == "system", Tags: newTagList(nil),
	}
	if d.MultiAttach {
		v.MultiAttach = "Enabled"
	}
	v.Attachments.Attachment = []attachment{{InstanceId: i.ID, Device: d.Device, AttachedTime: i.Created}}
	return v
}
