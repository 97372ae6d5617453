package ecs

import (
	"slices"
	"strings"

	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// A disksAnswer is the reply of DescribeDisks.
type disksAnswer struct {
	pageReply
	Disks struct{ Disk []diskView }
}

// A diskView is one element of Disks.Disk.
type diskView struct {
	DiskId, DiskName, Category, PerformanceLevel, Type, Status string
	Device, InstanceId, MultiAttach, RegionId, ZoneId          string
	Size                                                       int64 // GiB

	Encrypted, Portable, DeleteWithInstance bool

	Attachments struct{ Attachment []attachment }
	Tags        tagList
}

// An attachment repeats the disk's instance and device. In the real ECS a multi-attach disk has
// several attachments, and its own members are empty.
type attachment struct{ InstanceId, Device, AttachedTime string }

// Valid values of DiskType and Category. Categories of local disks begin with one of localDisks.
var (
	diskTypes      = []string{"all", "system", "data"}
	diskCategories = []string{"all", "cloud", "cloud_efficiency", "cloud_ssd", "cloud_essd", "cloud_auto",
		"cloud_regional_disk_auto", "cloud_essd_entry"}
	localDisks = []string{"elastic_ephemeral_disk_", "local_"}
)

// DescribeDisks is the operation DescribeDisks of ECS: the disks of the caller's account in
// RegionId. Every disk of a world is attached. Errors: as DescribeInstances.
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

// parseDiskFilter checks the filters and returns DiskIds; nil means all.
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
	// The categories of local disks are too many to list, and the vendor adds new ones.
	local := slices.ContainsFunc(localDisks, func(prefix string) bool { return strings.HasPrefix(p["Category"], prefix) })
	if err := rpc.CheckOneOf(p, "Category", diskCategories...); err != nil && !local {
		return nil, err
	}
	return readIDs(p, "DiskIds")
}

// diskMatches reports whether a disk matches the filters. The value "all", in any case, matches
// every disk, because the vendor's page writes it in both cases.
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

// newDiskView returns the row of a disk. A system disk is deleted with its instance and cannot be
// detached.
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
