package ecs

import (
	"strconv"

	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// payByTraffic is InternetChargeType of all instances of a world.
const payByTraffic = "PayByTraffic"

// An instanceView is one element of Instances.Instance. Members for which a world has no value have
// that of an ordinary instance that is paid by use. An empty list is [] and a missing address is
// "", and a client must accept both.
type instanceView struct {
	InstanceId, InstanceName, HostName, Description, Status      string
	RegionId, ZoneId, InstanceType, ImageId, InstanceNetworkType string
	InstanceTypeFamily, InstanceChargeType, InternetChargeType   string
	OSType, OSName, OSNameEn                                     string
	ResourceGroupId, KeyPairName, SerialNumber, ClusterId        string
	GPUSpec, HpcClusterId, DeploymentSetId, VlanId, ISP          string
	CreditSpecification, StoppedMode                             string

	// Times, to the minute, as 2025-11-02T03:04Z.
	CreationTime, StartTime, ExpiredTime, AutoReleaseTime string

	Cpu, Memory, GPUAmount                          int64 // Memory in MiB
	InternetMaxBandwidthIn, InternetMaxBandwidthOut int64 // Mbit/s

	SpotStrategy, SpotInterruptionBehavior string
	SpotPriceLimit                         float64
	SpotDuration                           int64

	IoOptimized, DeviceAvailable, DeletionProtection, Recyclable, EnableNVS bool

	VpcAttributes struct {
		VpcId, VSwitchId, NatIpAddress string
		PrivateIpAddress               ipList
	}
	PublicIpAddress, InnerIpAddress, RdmaIpAddress ipList
	EipAddress                                     elasticAddress

	SecurityGroupIds  struct{ SecurityGroupId []string }
	NetworkInterfaces struct{ NetworkInterface []networkInterface }

	Tags           tagList
	OperationLocks struct{ LockReason []lockReason }

	MetadataOptions *metadataOptions `json:",omitempty"` // only with AdditionalAttributes META_OPTIONS
	CpuOptions      cpuOptions

	AdditionalInfo             struct{ EnableHighDensityMode bool }
	ClockOptions               struct{ PtpStatus string }
	DedicatedHostAttribute     struct{ DedicatedHostId, DedicatedHostName, DedicatedHostClusterId string }
	DedicatedInstanceAttribute struct{ Affinity, Tenancy string }
	EcsCapacityReservationAttr struct{ CapacityReservationId, CapacityReservationPreference string }
	HibernationOptions         struct{ Configured bool }
	ImageOptions               struct{ LoginAsNonRoot, CurrentOSNVMeSupported bool }
	PrivateDnsNameOptions      privateDNS
}

// An elasticAddress is the EIP of an instance. No instance of a world has one.
type elasticAddress struct {
	IpAddress, AllocationId, InternetChargeType string
	Bandwidth                                   int64
	IsSupportUnassociate                        bool
}

// A networkInterface is one element of NetworkInterfaces.NetworkInterface.
type networkInterface struct {
	NetworkInterfaceId, MacAddress, PrimaryIpAddress, Type string

	PrivateIpSets  struct{ PrivateIpSet []privateAddress }
	Ipv6Sets       struct{ Ipv6Set []string }
	Ipv4PrefixSets struct{ Ipv4PrefixSet []string }
	Ipv6PrefixSets struct{ Ipv6PrefixSet []string }
}

// A privateAddress is one address of a network interface.
type privateAddress struct {
	PrivateIpAddress, PrivateDnsName string
	Primary                          bool
}

// metadataOptions are the settings of an instance's metadata service.
type metadataOptions struct {
	HttpEndpoint, HttpTokens string
	HttpPutResponseHopLimit  int64
}

// cpuOptions are the settings of an instance's CPUs.
type cpuOptions struct {
	CoreCount, ThreadsPerCore     int64
	Numa, TopologyType, TurboMode string
	EnableVISST, EnableVRDT       bool
}

// privateDNS are the settings of an instance's names in the private DNS.
type privateDNS struct {
	HostnameType string

	EnableInstanceIdDnsARecord, EnableInstanceIdDnsAAAARecord, EnableIpDnsARecord, EnableIpDnsPtrRecord bool
}

// A lockReason is the reason of a lock. The contents of LockMsg are not documented.
type lockReason struct{ LockReason, LockMsg string }

// switchOf returns the VSwitchId of an instance: there is one for each zone.
func switchOf(i *world.Instance) string { return "vsw-" + i.Zone }

// groupOf returns the id of an instance's security group: there is one for each VPC.
func groupOf(i *world.Instance) string { return "sg-" + i.VPC }

// newInstanceView returns the row of an instance. Disks are only in DescribeDisks.
func newInstanceView(i *world.Instance) instanceView {
	size := readType(i.Type)
	v := instanceView{
		InstanceId: i.ID, InstanceName: i.Name, HostName: i.HostName, Status: i.Status,
		RegionId: i.Region, ZoneId: i.Zone, InstanceType: i.Type, ImageId: i.Image, InstanceNetworkType: "vpc",
		InstanceTypeFamily: size.Family, Cpu: size.CPU, Memory: size.Memory,
		InstanceChargeType: payByUse, InternetChargeType: payByTraffic, ExpiredTime: neverExpires,
		OSType: i.OS, OSName: i.OSName, OSNameEn: i.OSName,
		CreationTime: i.Created, StartTime: i.Created, ResourceGroupId: i.ResourceGroup,
		SerialNumber: "sn-" + rpc.EntityID(i.ID), StoppedMode: "Not-applicable",
		SpotStrategy: "NoSpot", SpotInterruptionBehavior: "Terminate",
		IoOptimized: true, DeviceAvailable: true,
		PublicIpAddress: newIPList(i.PublicIPs), InnerIpAddress: newIPList(nil), RdmaIpAddress: newIPList(nil),
		MetadataOptions: &metadataOptions{HttpEndpoint: "enabled", HttpTokens: "optional", HttpPutResponseHopLimit: 1},
		CpuOptions:      cpuOptions{CoreCount: max(size.CPU/2, 1), ThreadsPerCore: min(size.CPU, 2), Numa: "ON"},
		Tags:            newTagList(i.Tags),
	}
	if i.Status == "Stopped" {
		v.StoppedMode = "KeepCharging"
	}
	if len(i.PublicIPs) > 0 {
		v.InternetMaxBandwidthIn, v.InternetMaxBandwidthOut = 100, 100
	}
	v.VpcAttributes.VpcId, v.VpcAttributes.VSwitchId = i.VPC, switchOf(i)
	v.VpcAttributes.PrivateIpAddress = newIPList(i.PrivateIPs)
	v.SecurityGroupIds.SecurityGroupId = []string{groupOf(i)}
	v.NetworkInterfaces.NetworkInterface = []networkInterface{newInterface(i)}
	v.DedicatedInstanceAttribute.Tenancy = "default"
	v.ClockOptions.PtpStatus = "disabled"
	v.PrivateDnsNameOptions.HostnameType = "Custom"
	v.OperationLocks.LockReason = []lockReason{}
	for _, reason := range i.Locks {
		v.OperationLocks.LockReason = append(v.OperationLocks.LockReason, lockReason{LockReason: reason})
	}
	return v
}

// newInterface returns the primary network interface, which has all private addresses.
func newInterface(i *world.Instance) networkInterface {
	id := rpc.EntityID(i.ID)
	n := networkInterface{NetworkInterfaceId: "eni-" + id, Type: "Primary", MacAddress: "00:16:3e"}
	for at := range 3 {
		number, _ := strconv.ParseUint(id[1+2*at:3+2*at], 10, 8)
		n.MacAddress += ":" + string("0123456789abcdef"[number/16]) + string("0123456789abcdef"[number%16])
	}
	n.PrivateIpSets.PrivateIpSet = []privateAddress{}
	for at, ip := range i.PrivateIPs {
		address := privateAddress{PrivateIpAddress: ip, Primary: at == 0}
		n.PrivateIpSets.PrivateIpSet = append(n.PrivateIpSets.PrivateIpSet, address)
	}
	if len(i.PrivateIPs) > 0 {
		n.PrimaryIpAddress = i.PrivateIPs[0]
	}
	n.Ipv6Sets.Ipv6Set, n.Ipv4PrefixSets.Ipv4PrefixSet, n.Ipv6PrefixSets.Ipv6PrefixSet = []string{}, []string{}, []string{}
	return n
}
