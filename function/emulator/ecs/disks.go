package ecs

import (
	"slices"
	"strconv"
	"strings"

	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// A disksAnswer is the JSON of an answer of DescribeDisks.
type disksAnswer struct {
	pageReply
	Disks struct{ Disk []diskView }
}

// A diskView is one element of Disks.Disk.
type diskView struct {
	DiskId, DiskName, Description, Category, PerformanceLevel, Type, Status string
	Device, InstanceId, MultiAttach, RegionId, ZoneId, ResourceGroupId      string
	DiskChargeType, ImageId, SourceSnapshotId, SourceDiskId, SerialNumber   string
	AutoSnapshotPolicyId, KMSKeyId, ProductCode, BdfId                      string
	StorageSetId, StorageClusterId                                          string

	// Times, to the minute, as 2025-11-02T03:04Z.
	CreationTime, AttachedTime, DetachedTime, ExpiredTime string

	Size                                       int64 // GiB
	MountInstanceNum                           int64
	StorageSetPartitionNumber, ProvisionedIops int64

	Encrypted, Portable, DeleteWithInstance, DeleteAutoSnapshot        bool
	EnableAutoSnapshot, EnableAutomatedSnapshotPolicy, BurstingEnabled bool

	*diskSpeed `json:",omitempty"` // only with AdditionalAttributes IOPS

	Placement      *placement `json:",omitempty"` // only with AdditionalAttributes PLACEMENT
	Attachments    struct{ Attachment []attachment }
	MountInstances struct{ MountInstance []attachment }
	OperationLocks struct{ OperationLock []operationLock }
	Tags           tagList

	tags  map[string]string
	locks []string
}

// A diskSpeed is the limit of a disk's performance. Throughput is in MB/s.
type diskSpeed struct {
	IOPS, IOPSRead, IOPSWrite                   int64
	Throughput, ThroughputRead, ThroughputWrite int64
}

// A placement is the zones of a regional disk.
type placement struct{ ZoneIds string }

// An attachment repeats the id of the disk's instance and the device name. In the real ECS a
// disk that is attached to several instances has several attachments and no instance id of its
// own.
type attachment struct{ InstanceId, Device, AttachedTime string }

// An operationLock is the reason why ECS has locked a disk.
type operationLock struct{ LockReason string }

// diskAttributes are the values of AdditionalAttributes in DescribeDisks.
var diskAttributes = []string{"IOPS", "PLACEMENT"}

// Valid values of DiskType and Category. Categories of local disks begin with one of localDisks.
var (
	diskTypes      = []string{"all", "system", "data"}
	diskCategories = []string{"all", "cloud", "cloud_efficiency", "cloud_ssd", "cloud_essd", "cloud_auto",
		"cloud_regional_disk_auto", "cloud_essd_entry"}
	localDisks = []string{"elastic_ephemeral_disk_", "local_"}
)

// A diskFilter holds the parsed parameters of DescribeDisks.
type diskFilter struct {
	ids    []string // nil: all
	tags   []rpc.TagFilter
	times  []timeFilter
	params rpc.Params
}

// DescribeDisks is the operation DescribeDisks of ECS: it lists the disks of the caller's
// account in the region RegionId. Every emulated disk is attached to an instance. Errors: as
// DescribeInstances.
func (s *Service) DescribeDisks(k *rpc.Call) (any, error) {
	f, err := parseDiskFilter(k.Params)
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
			if v := newDiskView(instance, &instance.Disks[n]); f.matches(v) {
				views = append(views, v)
			}
		}
	}
	if err := checkCommon(k.Params, diskAttributes...); err != nil {
		return nil, err
	}
	ans := disksAnswer{}
	ans.Disks.Disk, ans.pageReply = pageOf(k, page, views)
	for n := range ans.Disks.Disk {
		ans.Disks.Disk[n].addAttributes(k.Params)
	}
	return ans, nil
}

// parseDiskFilter reads and checks the filters of DescribeDisks.
func parseDiskFilter(p rpc.Params) (f diskFilter, err error) {
	f.params = p
	for name, allowed := range map[string][]string{
		"DiskType":       diskTypes,
		"Status":         append([]string{"All"}, world.DiskStatuses[1:]...),
		"DiskChargeType": {"PostPaid", "PrePaid"},
		"LockReason":     {"financial", "security", "recycling", "dedicatedhostfinancial"},
		"MultiAttach":    {"Disabled", "Enabled", "LegacyShared"},
	} {
		if err := rpc.CheckOneOf(p, name, allowed...); err != nil {
			return f, err
		}
	}
	// The categories of local disks are too many to list, and the vendor adds new ones.
	local := slices.ContainsFunc(localDisks, func(prefix string) bool { return strings.HasPrefix(p["Category"], prefix) })
	if err := rpc.CheckOneOf(p, "Category", diskCategories...); err != nil && !local {
		return f, err
	}
	if err := checkBooleans(p, "Portable", "Encrypted", "DeleteWithInstance", "DeleteAutoSnapshot", "EnableAutoSnapshot",
		"EnableAutomatedSnapshotPolicy", "EnableShared"); err != nil {
		return f, err
	}
	if f.ids, err = readIDs(p, "DiskIds"); err != nil {
		return f, err
	}
	if f.times, err = readTimeFilters(p, "CreationStartTime", "CreationEndTime"); err != nil {
		return f, err
	}
	f.tags, err = readTags(p)
	return f, err
}

// matches reports whether a disk matches every filter. For three parameters the value "all", in
// any case, matches every disk; the vendor's page writes it both as all and All.
func (f diskFilter) matches(v diskView) bool {
	for name, have := range map[string]string{"DiskType": v.Type, "Category": v.Category, "Status": v.Status} {
		if want := f.params[name]; want != "" && !strings.EqualFold(want, "all") && want != have {
			return false
		}
	}
	return matchesTexts(f.params, map[string]string{
		"InstanceId": v.InstanceId, "DiskName": v.DiskName, "ZoneId": v.ZoneId, "ResourceGroupId": v.ResourceGroupId,
		"DiskChargeType": v.DiskChargeType, "MultiAttach": v.MultiAttach, "KMSKeyId": v.KMSKeyId,
		"SnapshotId": v.SourceSnapshotId, "AutoSnapshotPolicyId": v.AutoSnapshotPolicyId,
		"Portable": strconv.FormatBool(v.Portable), "Encrypted": strconv.FormatBool(v.Encrypted),
		"DeleteWithInstance": strconv.FormatBool(v.DeleteWithInstance), "DeleteAutoSnapshot": strconv.FormatBool(v.DeleteAutoSnapshot),
		"EnableAutoSnapshot":            strconv.FormatBool(v.EnableAutoSnapshot),
		"EnableAutomatedSnapshotPolicy": strconv.FormatBool(v.EnableAutomatedSnapshotPolicy),
		"EnableShared":                  strconv.FormatBool(v.MultiAttach == "Enabled"),
	}) &&
		(f.ids == nil || slices.Contains(f.ids, v.DiskId)) &&
		(f.params["LockReason"] == "" || slices.Contains(v.locks, f.params["LockReason"])) &&
		matchesTimes(f.times, v.CreationTime, v.ExpiredTime) && matchesTags(f.tags, v.tags)
}

// newDiskView returns the JSON of a disk. A system disk is deleted with its instance and cannot
// be detached. An encrypted disk has the default encryption key of its account.
func newDiskView(i *world.Instance, d *world.Disk) diskView {
	v := diskView{
		DiskId: d.ID, DiskName: d.Name, Category: d.Category, PerformanceLevel: d.PerformanceLevel,
		Type: d.Type, Status: d.Status, Device: d.Device, InstanceId: i.ID, MultiAttach: "Disabled",
		RegionId: i.Region, ZoneId: i.Zone, Size: d.GiB, Encrypted: d.Encrypted, ResourceGroupId: i.ResourceGroup,
		Portable: d.Type == "data", DeleteWithInstance: d.Type == "system", EnableAutoSnapshot: true,
		CreationTime: i.Created, AttachedTime: i.Created, ExpiredTime: neverExpires, DiskChargeType: payByUse,
		SerialNumber: rpc.EntityID(d.ID), MountInstanceNum: 1,
		tags: d.Tags, locks: i.Locks,
	}
	if d.MultiAttach {
		v.MultiAttach = "Enabled"
	}
	if d.Encrypted {
		v.KMSKeyId = "key-" + rpc.EntityID(i.Region)
	}
	if d.Type == "system" {
		v.ImageId = i.Image
	}
	v.Attachments.Attachment = []attachment{{InstanceId: i.ID, Device: d.Device, AttachedTime: i.Created}}
	v.MountInstances.MountInstance = v.Attachments.Attachment
	v.Tags = newTagList(d.Tags)
	v.OperationLocks.OperationLock = []operationLock{}
	for _, reason := range i.Locks {
		v.OperationLocks.OperationLock = append(v.OperationLocks.OperationLock, operationLock{reason})
	}
	return v
}

// addAttributes adds the members that the parameter AdditionalAttributes requests. Their values
// are those of an ESSD of performance level PL1, by the vendor's formula, for every category of
// disk.
func (v *diskView) addAttributes(p rpc.Params) {
	if wantsAttribute(p, "IOPS") {
		iops, throughput := min(1800+50*v.Size, 50_000), min(120+v.Size/2, 350)
		v.diskSpeed = &diskSpeed{
			IOPS: iops, IOPSRead: iops, IOPSWrite: iops,
			Throughput: throughput, ThroughputRead: throughput, ThroughputWrite: throughput,
		}
	}
	if wantsAttribute(p, "PLACEMENT") {
		v.Placement = &placement{ZoneIds: v.ZoneId}
	}
}
