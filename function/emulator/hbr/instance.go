package hbr

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"backupportal/function/emulator/plainjson"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// essd are the disk categories that count as ESSD: ESSD, ESSD AutoPL and ESSD Entry
// ("Snapshot-consistent groups").
var essd = []string{"cloud_essd", "cloud_auto", "cloud_essd_entry"}

// Limits of a snapshot-consistent group.
const (
	maxGroupDisks = 16
	maxGroupGiB   = 32 << 10
)

// A detail is the parsed parameter Detail of a UDM_ECS job.
type detail struct {
	doCopy, snapshotGroup, appConsistent bool

	writers bool // enableWriters, default true: application-consistent; false: file-system-consistent

	destinationRegion       string
	destinationRetention    int64
	hasDestinationRetention bool
	disks                   []string
	preScript, postScript   string
}

// A copyPlan is the copy of a recovery point to another region. An empty region means no copy.
type copyPlan struct {
	region    string
	retention int64 // days; 0 and -1: forever
}

// checkInstanceOrder checks the form of the parameters of a UDM_ECS job. VaultId,
// SpeedLimit, Include and Exclude are not checked, because the vendor documents that they have no
// effect.
func checkInstanceOrder(o *order) error {
	d, err := parseDetail(o.params["Detail"])
	if err != nil {
		return err
	}
	switch to := d.destinationRegion; {
	case d.doCopy && to == "":
		return rpc.Invalid("Detail", "destinationRegionId is needed with doCopy")
	case d.doCopy && to == o.region:
		return rpc.Invalid("Detail", "destinationRegionId is the region of the instance")
	case !d.doCopy && (to != "" || d.hasDestinationRetention):
		return rpc.Invalid("Detail", "destinationRegionId and destinationRetention are valid only with doCopy")
	}
	return nil
}

// findInstance finds the instance and the disks of a UDM_ECS job, and checks the rules of
// Detail that need them. An empty diskIdList means all disks.
func findInstance(o *order) error {
	d, err := parseDetail(o.params["Detail"])
	if err != nil {
		return err
	}
	id := o.params["InstanceId"]
	instance := o.owner.Instance(id, o.region)
	if instance == nil {
		return rpc.NotFound("InstanceId", id)
	}
	if err := checkConsistency(d, instance); err != nil {
		return err
	}
	o.source = source{instance: instance, plan: instance.Plan(), grouped: d.snapshotGroup, consistency: consistencyOf(d, instance)}
	if d.doCopy {
		o.source.copyTo = copyPlan{d.destinationRegion, d.destinationRetention}
	}
	for _, id := range d.disks {
		if instance.Disk(id) == nil {
			return rpc.NotFound("Detail.diskIdList", id)
		}
	}
	for _, disk := range instance.Disks {
		if len(d.disks) == 0 || slices.Contains(d.disks, disk.ID) {
			o.source.disks = append(o.source.disks, disk.ID)
			o.source.bytes += disk.GiB << 30
		}
	}
	return nil
}

// checkConsistency checks the rules of Detail that depend on the instance's disks and operating
// system. It does not check the conditions of appConsistent: if they are not met, the job
// succeeds with a lower consistency (consistencyOf).
func checkConsistency(d detail, instance *world.Instance) error {
	if d.snapshotGroup {
		if err := checkSnapshotGroup(instance); err != nil {
			return err
		}
	}
	if instance.OS == "windows" {
		return nil
	}
	for _, script := range []string{d.preScript, d.postScript} {
		if script != "" && !strings.HasPrefix(script, "/") {
			return rpc.Invalid("Detail", "the script path %q is not absolute", script)
		}
	}
	return nil
}

// checkSnapshotGroup checks that all disks of the instance support a snapshot group, also those
// that are not selected, because the page of CreateBackupJob says "all disks".
func checkSnapshotGroup(instance *world.Instance) error {
	var gib int64
	for _, d := range instance.Disks {
		gib += d.GiB
		if d.MultiAttach || d.Status != "In_use" {
			return rpc.Invalid("Detail", "snapshotGroup: disk %s is multi-attach or not in use", d.ID)
		}
	}
	switch {
	case instance.Status != "Running" && instance.Status != "Stopped":
		return rpc.Invalid("Detail", "snapshotGroup needs the instance to be Running or Stopped")
	case !allESSD(instance):
		return rpc.Invalid("Detail", "snapshotGroup needs all disks of the instance to be ESSD")
	case len(instance.Disks) > maxGroupDisks || gib > maxGroupGiB:
		return rpc.Invalid("Detail", "snapshotGroup takes at most 16 disks and 32 TiB")
	}
	return nil
}

// allESSD reports whether every disk of the instance counts as ESSD.
func allESSD(instance *world.Instance) bool {
	return !slices.ContainsFunc(instance.Disks, func(d world.Disk) bool { return !slices.Contains(essd, d.Category) })
}

// parseDetail parses Detail. Its keys are those of the page of CreateBackupJob and of the
// sample there. The text of that page has a key timeoutSeconds, but the sample and all other
// pages have timeoutInSeconds; only the latter is accepted. The error is InvalidParameter.
func parseDetail(text string) (detail, error) {
	keys, err := plainjson.Object(text)
	if err != nil {
		return detail{}, rpc.Invalid("Detail", "%v", err)
	}
	d := detail{writers: true}
	var timeout int64 = 30
	var freeze bool
	readers := map[string]func(json.RawMessage) bool{
		"doCopy":               into(&d.doCopy, plainjson.Bool),
		"snapshotGroup":        into(&d.snapshotGroup, plainjson.Bool),
		"appConsistent":        into(&d.appConsistent, plainjson.Bool),
		"enableWriters":        into(&d.writers, plainjson.Bool),
		"enableFsFreeze":       into(&freeze, plainjson.Bool),
		"destinationRegionId":  into(&d.destinationRegion, plainjson.String),
		"preScriptPath":        into(&d.preScript, plainjson.String),
		"postScriptPath":       into(&d.postScript, plainjson.String),
		"diskIdList":           into(&d.disks, plainjson.Strings),
		"timeoutInSeconds":     into(&timeout, plainjson.Int),
		"destinationRetention": d.readRetention,
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		read, known := readers[key]
		if !known {
			return d, rpc.Invalid("Detail", "key %q is not known", key)
		}
		if !read(keys[key]) {
			return d, rpc.Invalid("Detail", "key %q has the wrong type or value", key)
		}
	}
	if timeout < 1 {
		return d, rpc.Invalid("Detail", "timeoutInSeconds is at least 1")
	}
	return d, checkDiskList(d.disks)
}

// readRetention reads a number of days, or -1 for forever. The null of the vendor's sample counts
// as absent.
func (d *detail) readRetention(raw json.RawMessage) bool {
	if string(raw) == "null" {
		return true
	}
	n, ok := plainjson.Int(raw)
	d.destinationRetention, d.hasDestinationRetention = n, true
	return ok && (n >= 1 || n == -1)
}

// checkDiskList checks the form of the ids, and that each occurs once. findInstance checks that
// they belong to the instance.
func checkDiskList(ids []string) error {
	for i, id := range ids {
		if !strings.HasPrefix(id, "d-") || !world.ResourceID.MatchString(id) {
			return rpc.Invalid("Detail", "diskIdList: %q is not of the form d-…", id)
		}
		if slices.Contains(ids[:i], id) {
			return rpc.Invalid("Detail", "diskIdList: %q stands twice", id)
		}
	}
	return nil
}

// into returns a function that parses the JSON value of a member and stores it in to.
func into[T any](to *T, parse func(json.RawMessage) (T, bool)) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		v, ok := parse(raw)
		*to = v
		return ok
	}
}

// A consistency is the ConsistentLevel of a recovery point. downgrade is the reason why it is
// lower than requested; it is empty if it is not lower.
type consistency struct {
	level, downgrade string
}

// Values of ConsistentLevel and DowngradeReason ("DescribeUdmSnapshots"). The vendor's pages show
// only CRASH and HBR.NoRamRoleBound; the others are guesses in their style.
const (
	crashConsistent = "CRASH"
	fileConsistent  = "FILE_SYSTEM"
	appConsistent   = "APPLICATION"

	noRAMRole  = "HBR.NoRamRoleBound"
	noScript   = "HBR.ScriptNotConfigured"
	notESSD    = "HBR.DiskCategoryNotSupported"
	notRunning = "HBR.InstanceNotRunning"
)

// consistencyOf returns the consistency that the instance allows. As in the real cloud, the
// downgrade is visible only in the recovery point.
func consistencyOf(d detail, i *world.Instance) consistency {
	if !d.appConsistent {
		return consistency{level: crashConsistent}
	}
	switch {
	case i.RAMRole == "":
		return consistency{crashConsistent, noRAMRole}
	case !allESSD(i):
		return consistency{crashConsistent, notESSD}
	case i.Status != "Running": // no process runs that could be paused
		return consistency{crashConsistent, notRunning}
	case i.OS == "linux" && (d.preScript == "" || d.postScript == ""):
		return consistency{crashConsistent, noScript}
	case !d.writers: // requested, so it is no downgrade
		return consistency{level: fileConsistent}
	}
	return consistency{level: appConsistent}
}
