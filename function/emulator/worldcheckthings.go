package emulator

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Words of ECS and Cloud Backup that a world may use; empty means the default.
var (
	instanceStatuses  = []string{"", "Pending", "Running", "Starting", "Stopping", "Stopped"}
	diskStatuses      = []string{"", "In_use", "Available", "Attaching", "Detaching", "Creating", "ReIniting"}
	performanceLevels = []string{"", "PL0", "PL1", "PL2", "PL3"}
	vaultStatuses     = []string{"", "INITIALIZING", "UNKNOWN", "CREATED", "ERROR"}
	vaultTypes        = []string{"", "STANDARD", "OTS_BACKUP"}
	agentStatuses     = []string{"", "READY", "MISS", "UNKNOWN"}
	clientStatuses    = []string{"REGISTERED", "ACTIVATED", "DEACTIVATED", "INSTALLING", "INSTALL_FAILED", "NOT_INSTALLED",
		"UPGRADING", "UPGRADE_FAILED", "UNINSTALLING", "UNINSTALL_FAILED", "STOPPED", "UNKNOWN"}
)

// things goes through what can be backed up, and what backs it up.
func (c *checker) things(a *Account) {
	for _, i := range a.Instances {
		c.instance(a, i)
	}
	for _, v := range a.Vaults {
		c.vault(v)
	}
	for _, cl := range a.Clusters {
		c.cluster(cl)
	}
	for _, cl := range a.Clients {
		c.client(a, cl)
	}
}

// word wants one of a list.
func (c *checker) word(of, key, value string, allowed []string) {
	if !slices.Contains(allowed, value) {
		c.wrong("%s: %s %q is not one of %s", of, key, value, strings.Trim(strings.Join(allowed, ", "), ", "))
	}
}

// outcome wants what jobs can end with, or nothing.
func (c *checker) outcome(of, text string) {
	if text == "" {
		return
	}
	if _, err := parseOutcome(text); err != nil {
		c.wrong("%s: %w", of, err)
	}
}

// instance wants what ECS could show. A role that is bound to it has to exist,
// since its absence means something to jobs.
func (c *checker) instance(a *Account, i Instance) {
	name := "instance " + i.ID
	c.id("instance", "i-", i.ID)
	c.region(name, i.Region)
	c.duration(name, i.JobDuration)
	c.outcome(name, i.JobOutcome)
	c.word(name, "status", i.Status, instanceStatuses)
	if i.Zone != "" && !strings.HasPrefix(i.Zone, i.Region) {
		c.wrong("%s: zone %q is not in %s", name, i.Zone, i.Region)
	}
	if _, err := time.Parse("2006-01-02T15:04Z", i.Created); i.Created != "" && err != nil {
		c.wrong("%s: created %q is not of the form 2006-01-02T15:04Z", name, i.Created)
	}
	if i.OS != "linux" && i.OS != "windows" {
		c.wrong("%s: os %q is neither linux nor windows", name, i.OS)
	}
	for _, ip := range slices.Concat(i.PrivateIPs, i.PublicIPs) {
		if _, err := netip.ParseAddr(ip); err != nil {
			c.wrong("%s: %q is not an ip address", name, ip)
		}
	}
	if i.RAMRole != "" && a.role(i.RAMRole) == nil {
		c.wrong("%s: ram_role %q is not a role of account %s", name, i.RAMRole, a.ID)
	}
	c.instanceTags(name, i.Tags)
	if len(i.Disks) == 0 {
		c.wrong("%s: it has no disks", name)
	}
	// The order matters: devices are named by it, and a recovery point tells
	// whether the system disk is in it.
	for n, d := range i.Disks {
		c.disk(d)
		if (d.Type == "system") != (n == 0) {
			c.wrong("%s: its first disk is the system disk, and no other", name)
		}
	}
}

// instanceTags wants the emulator's own tags to be ones that it has, with
// values that mean something.
func (c *checker) instanceTags(of string, tags map[string]string) {
	for key, value := range tags {
		switch {
		case key == outcomeTag:
			c.outcome(of, value)
			if value == "" {
				c.wrong("%s: the tag %s is empty", of, key)
			}
		case key == durationTag:
			if d, err := time.ParseDuration(value); err != nil || d <= 0 {
				c.wrong("%s: the tag %s=%s is not a duration like 5s", of, key, value)
			}
		case strings.HasPrefix(key, "emulator:"):
			c.wrong("%s: the tag %s is not known", of, key)
		}
	}
}

// disk does not look at the word of the category: ECS gets new ones, and an old
// list would refuse worlds that are right.
func (c *checker) disk(d Disk) {
	name := "disk " + d.ID
	c.id("disk", "d-", d.ID)
	if d.Category == "" || d.GiB <= 0 || (d.Type != "system" && d.Type != "data") {
		c.wrong("%s: it needs a category, a size in gib, and type system or data", name)
	}
	c.word(name, "status", d.Status, diskStatuses)
	c.word(name, "performance_level", d.PerformanceLevel, performanceLevels)
	if d.PerformanceLevel != "" && d.Category != "cloud_essd" {
		c.wrong("%s: only a cloud_essd has a performance_level", name)
	}
}

// vault takes a source that is not in this world: the mirror may be of another
// account's vault, or what is left of one.
func (c *checker) vault(v Vault) {
	name := "vault " + v.ID
	c.id("vault", "v-", v.ID)
	c.region(name, v.Region)
	c.word(name, "type", v.Type, vaultTypes)
	c.word(name, "status", v.Status, vaultStatuses)
	if v.ReplicationOf != "" && !v.Replication {
		c.wrong("%s: replication_of is for a vault with replication", name)
	}
}

// cluster has two ids of Cloud Backup; the identifier is ACK's, and is not
// checked because worlds are written by hand.
func (c *checker) cluster(cl Cluster) {
	name := "cluster " + cl.ID
	c.id("cluster", "cc-", cl.ID)
	c.id("cluster group", "cl-", cl.GroupID)
	c.region(name, cl.Region)
	c.duration(name, cl.JobDuration)
	c.outcome(name, cl.JobOutcome)
	c.word(name, "agent", cl.Agent, agentStatuses)
	for _, v := range cl.Volumes {
		if v.ID == "" || v.GiB <= 0 {
			c.wrong("%s: volume %q needs an id and a size in gib", name, v.ID)
		}
		c.once("volume of "+cl.ID, v.ID)
	}
}

// client wants a backup client to be on one thing of its own account.
func (c *checker) client(a *Account, cl BackupClient) {
	name := "backup client " + cl.ID
	c.id("backup client", "c-", cl.ID)
	c.word(name, "status", cl.Status, clientStatuses)
	c.duration(name, cl.HeartbeatAge)
	switch {
	case (cl.Instance == "") == (cl.Cluster == ""):
		c.wrong("%s: it is on an instance, or else in a cluster", name)
	case cl.Instance != "" && !slices.ContainsFunc(a.Instances, func(i Instance) bool { return i.ID == cl.Instance }):
		c.wrong("%s: instance %q is not in account %s", name, cl.Instance, a.ID)
	case cl.Cluster != "" && !slices.ContainsFunc(a.Clusters, func(i Cluster) bool { return i.ID == cl.Cluster }):
		c.wrong("%s: cluster %q is not in account %s", name, cl.Cluster, a.ID)
	}
}
