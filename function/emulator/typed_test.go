package emulator

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"backupportal/function/emulator/world"
)

// Reasons of members that an answer leaves unset.
const (
	onlyPrepaid = "only of resources that are paid in advance; a world has none"
	onlyInSet   = "only of instances in a deployment set; a world has none"
	onlyLocal   = "only of instance types with local disks; a world has none"
	onlyOfRole  = "only if the caller is a role"
)

// unset lists the members of the V1 SDK's answer types that the emulator never sends, by
// operation, each with the reason. ofOtherOperations lists further ones.
var unset = map[string]map[string]string{
	"DescribeInstances": {
		"Instances.Instance.DeploymentSetGroupNo": onlyInSet,
		"Instances.Instance.LocalStorageAmount":   onlyLocal,
		"Instances.Instance.LocalStorageCapacity": onlyLocal,
		"Instances.Instance.SaleCycle":            onlyPrepaid,
	},
	"GetCallerIdentity": {"RoleId": onlyOfRole},
}

// ofOtherOperations lists members of answer types that no answer of the operation can have: the
// V1 SDK uses one struct for several operations. The newer SDK (ecs-20140526/v7) has a struct
// for each operation, without these members; .ci/clients tests with it.
var ofOtherOperations = map[string]map[string]string{
	"DescribeInstances": {
		"Instances.Instance": "ActivationId AgentVersion CPU Connected Hostname InstanceOwnerId InternetIp IntranetIp InvocationCount " +
			"IsSpot LastInvokedTime MachineId NetworkType OsType OsVersion PrivatePoolOptionsId PrivatePoolOptionsMatchCriteria " +
			"RegistrationTime SocketId",
		"Instances.Instance.CpuOptions":   "Core CoreFactor HyperThreadingAdjustable SupportedTopologyTypes",
		"Instances.Instance.ImageOptions": "Description ImageFamily ImageFeatures ImageName ImageTags",
		"Instances.Instance.NetworkInterfaces.NetworkInterface": "DeleteOnRelease Description InstanceType NetworkInterfaceName " +
			"NetworkInterfaceTrafficMode SecurityGroupId SecurityGroupIds VSwitchId",
		"Instances.Instance.NetworkInterfaces.NetworkInterface.PrivateIpSets.PrivateIpSet": "AssociatedPublicIp",
		"Instances.Instance.Tags.Tag": "Key ResourceTypeCount Value",
	},
	"DescribeDisks": {
		"Disks.Disk.Attachments.Attachment": "AccessToken DeviceIndex Identifier MemberNetworkInterfaceIds NetworkCardIndex Nguid NsId " +
			"TargetDevice TrunkNetworkInterfaceId",
		"Disks.Disk.Tags.Tag": "Key ResourceTypeCount Value",
	},
}

// fullWorld returns the demo accounts with one instance for which no list in an answer is
// empty.
func fullWorld() *world.World {
	w := world.Demo()
	i := &w.Accounts[0].Instances[0]
	i.PublicIPs, i.Locks = []string{"203.0.113.11"}, []string{"financial"}
	i.Disks[0].Tags, i.Disks[0].Encrypted = map[string]string{"team": "web"}, true
	return w
}

// TestTypedAnswersAreComplete proves that the emulator sends every member of the vendor's
// answer types, except the listed ones. Otherwise a client that reads a missing member would
// work with the real cloud and fail only with the emulator.
func TestTypedAnswersAreComplete(t *testing.T) {
	client, domain := typedECS(t, fullWorld())
	instances := ecs.CreateDescribeInstancesRequest()
	instances.Domain, instances.Scheme, instances.InstanceIds = domain, requests.HTTP, `["i-bp1demoweb01"]`
	instances.AdditionalAttributes = &[]string{"META_OPTIONS"}
	disks := ecs.CreateDescribeDisksRequest()
	disks.Domain, disks.Scheme, disks.DiskIds = domain, requests.HTTP, `["d-bp1demoweb01a"]`
	disks.AdditionalAttributes = &[]string{"IOPS", "PLACEMENT"}
	regions := ecs.CreateDescribeRegionsRequest()
	regions.Domain, regions.Scheme = domain, requests.HTTP
	assume := sts.CreateAssumeRoleRequest()
	assume.Domain, assume.Scheme, assume.RoleArn, assume.RoleSessionName = domain, requests.HTTP, operatorARN, "alice"
	identity := sts.CreateGetCallerIdentityRequest()
	identity.Domain, identity.Scheme = domain, requests.HTTP
	for action, call := range map[string]struct {
		request requests.AcsRequest
		typed   responses.AcsResponse
	}{
		"DescribeInstances": {instances, ecs.CreateDescribeInstancesResponse()},
		"DescribeDisks":     {disks, ecs.CreateDescribeDisksResponse()},
		"DescribeRegions":   {regions, ecs.CreateDescribeRegionsResponse()},
		"AssumeRole":        {assume, sts.CreateAssumeRoleResponse()},
		"GetCallerIdentity": {identity, sts.CreateGetCallerIdentityResponse()},
	} {
		if err := client.DoAction(call.request, call.typed); err != nil {
			t.Fatalf("%s: %v", action, err)
		}
		want := slices.Collect(maps.Keys(unset[action]))
		for path, names := range ofOtherOperations[action] {
			for name := range strings.FieldsSeq(names) {
				want = append(want, path+"."+name)
			}
		}
		slices.Sort(want)
		got := unsetMembers(t, call.typed, call.typed.GetHttpContentString())
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s leaves members unset (-explained +unset):\n%s", action, diff)
		}
	}
}

// unsetMembers returns the members of an answer type that the JSON text of an answer lacks,
// sorted, as paths such as Instances.Instance.Cpu. It walks the type by reflection. Of each
// list it reads only the first element; it reports nothing below an empty list.
func unsetMembers(t *testing.T, typed any, text string) []string {
	t.Helper()
	var answer any
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	var missing []string
	walkMembers(reflect.TypeOf(typed), answer, "", &missing)
	slices.Sort(missing)
	return missing
}

// walkMembers adds the paths of missing members to missing. path is the path of have, with a dot at
// the end.
func walkMembers(of reflect.Type, have any, path string, missing *[]string) {
	switch of.Kind() {
	case reflect.Pointer:
		walkMembers(of.Elem(), have, path, missing)
	case reflect.Slice:
		if list, _ := have.([]any); len(list) > 0 {
			walkMembers(of.Elem(), list[0], path, missing)
		}
	case reflect.Struct:
		object, _ := have.(map[string]any)
		for field := range of.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" {
				continue // embedded, not a member of the answer
			}
			value, there := object[name]
			if !there || value == nil {
				*missing = append(*missing, path+name)
				continue
			}
			walkMembers(field.Type, value, path+name+".", missing)
		}
	}
}
