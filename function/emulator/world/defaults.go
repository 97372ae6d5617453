package world

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"backupportal/function/emulator/ram"
)

// completed returns a copy of w in which every default is set. It shares with w only data that
// nothing changes.
func (w *World) completed() *World {
	c := *w
	c.JobDuration = cmp.Or(w.JobDuration, defaultJobDuration)
	c.Accounts = slices.Clone(w.Accounts)
	for i := range c.Accounts {
		c.Accounts[i].complete()
	}
	return &c
}

// complete replaces the lists of an account by copies with all defaults. It also adds the short
// forms of policies to the complete ones, so that later code reads only Policies and
// TrustPolicy.
func (a *Account) complete() {
	a.Users = slices.Clone(a.Users)
	for i := range a.Users {
		a.Users[i].Policies = withPermissions(a.Users[i].Policies, a.Users[i].Permissions)
	}
	a.Roles = slices.Clone(a.Roles)
	for i := range a.Roles {
		r := &a.Roles[i]
		r.Policies = withPermissions(r.Policies, r.Permissions)
		if len(r.TrustPolicy) == 0 {
			r.TrustPolicy = r.expandTrust()
		}
	}
	a.completeResources()
}

// withPermissions returns policies and one more policy with the given permissions.
func withPermissions(policies []ram.Policy, permissions []ram.Statement) []ram.Policy {
	return append(slices.Clone(policies), ram.Policy(permissions))
}

// completeResources replaces the lists of resources and registrations by copies with all
// defaults.
func (a *Account) completeResources() {
	a.CrossAccounts = slices.Clone(a.CrossAccounts)
	for i := range a.CrossAccounts {
		a.CrossAccounts[i].Type = cmp.Or(a.CrossAccounts[i].Type, "CROSS_ACCOUNT")
	}
	a.Instances = slices.Clone(a.Instances)
	for i := range a.Instances {
		a.Instances[i].complete()
	}
	a.Vaults = slices.Clone(a.Vaults)
	for i := range a.Vaults {
		v := &a.Vaults[i]
		v.Type, v.Status, v.Tags = cmp.Or(v.Type, "STANDARD"), cmp.Or(v.Status, "CREATED"), maps.Clone(v.Tags)
	}
	a.Clusters = slices.Clone(a.Clusters)
	for i := range a.Clusters {
		a.Clusters[i].Agent = cmp.Or(a.Clusters[i].Agent, "READY")
	}
	a.Clients = slices.Clone(a.Clients)
	for i := range a.Clients {
		a.Clients[i].Version = cmp.Or(a.Clients[i].Version, "2.15.0")
	}
}

// osNames are the default OSName values by OS.
var osNames = map[string]string{
	"linux":   "Alibaba Cloud Linux 3.2104 LTS 64 bit",
	"windows": "Windows Server 2022 Datacenter 64 bit",
}

// images are the default ImageId values by OS.
var images = map[string]string{
	"linux":   "aliyun_3_x64_20G_alibase.vhd",
	"windows": "win2022_21H2_x64_dtc_zh-cn_40G_alibase.vhd",
}

// complete sets the defaults of an instance. They are the values of a newly created instance in
// ECS; a device name follows from the position of the disk.
func (i *Instance) complete() {
	i.HostName = cmp.Or(i.HostName, i.Name)
	i.Zone = cmp.Or(i.Zone, i.Region+"-h")
	i.Status = cmp.Or(i.Status, "Running")
	i.Type = cmp.Or(i.Type, "ecs.g7.large")
	i.OSName = cmp.Or(i.OSName, osNames[i.OS])
	i.VPC = cmp.Or(i.VPC, "vpc-"+i.Region)
	i.Image = cmp.Or(i.Image, images[i.OS])
	i.Created = cmp.Or(i.Created, "2025-11-02T03:04Z")
	i.Tags = maps.Clone(i.Tags)
	i.Disks = slices.Clone(i.Disks)
	for n := range i.Disks {
		d := &i.Disks[n]
		d.Tags = maps.Clone(d.Tags)
		d.Status = cmp.Or(d.Status, "In_use")
		d.Device = cmp.Or(d.Device, fmt.Sprintf("/dev/xvd%c", 'a'+n))
		if d.Category == "cloud_essd" {
			d.PerformanceLevel = cmp.Or(d.PerformanceLevel, "PL1")
		}
	}
}
