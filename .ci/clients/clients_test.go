package clients

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/darabonba-openapi/v2/models"
	ecs "github.com/alibabacloud-go/ecs-20140526/v7/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
)

// assumed returns the credentials of the role, by the vendor's provider, over https.
func assumed(t *testing.T, externalID string) credentials.Credential {
	t.Helper()
	cred, err := credentials.NewCredential(&credentials.Config{
		Type: new("ram_role_arn"), AccessKeyId: new("key"), AccessKeySecret: new("secret"), STSEndpoint: &address,
		RoleArn: new("acs:ram::2000000000000002:role/operator"), RoleSessionName: new("foreign"), ExternalId: &externalID,
	})
	if err != nil {
		t.Fatal(err)
	}
	return cred
}

// config returns the configuration of a client with the assumed role.
func config(t *testing.T) *models.Config {
	return &models.Config{
		Credential: assumed(t, "open-sesame"), Endpoint: &address, RegionId: new("cn-hangzhou"), Protocol: new("https"),
	}
}

func TestCredentialsAssumeRole(t *testing.T) {
	got, err := assumed(t, "open-sesame").GetCredential()
	if err != nil || !strings.HasPrefix(dara.StringValue(got.AccessKeyId), "STS.") || dara.StringValue(got.SecurityToken) == "" {
		t.Errorf("got %v, error %v", got, err)
	}
	if _, err := assumed(t, "wrong").GetCredential(); err == nil || !strings.Contains(err.Error(), "NoPermission") {
		t.Errorf("with a wrong external id: %v", err)
	}
}

// call makes one call of Cloud Backup. form is sent as a form, or as JSON if kind is "json".
func call(t *testing.T, action, kind string, query map[string]*string, body any) (map[string]any, error) {
	t.Helper()
	client, err := openapi.NewClient(config(t))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.CallApi(&models.Params{
		Action: &action, Version: new("2017-09-08"), Protocol: new("HTTPS"), Pathname: new("/"), Method: new("POST"),
		AuthType: new("AK"), Style: new("RPC"), ReqBodyType: &kind, BodyType: new("json"),
	}, &models.OpenApiRequest{Query: query, Body: body}, &dara.RuntimeOptions{})
	if err != nil {
		return nil, err
	}
	return answer["body"].(map[string]any), nil
}

// TestDarabonbaMakesAndCancelsBackup proves that the vendor's newer client (Darabonba) can
// create, list and cancel a backup at the emulator, also with parameters in a JSON body.
func TestDarabonbaMakesAndCancelsBackup(t *testing.T) {
	for _, kind := range []string{"formData", "json"} {
		created, err := call(t, "CreateBackupJob", kind, map[string]*string{
			"SourceType": new("UDM_ECS"), "InstanceId": new("i-bp1web01"), "JobName": new("a b*c~d+é!'()&=%/?"), "Retention": new("7"),
		}, map[string]any{"Detail": `{"doCopy":false}`})
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		id := fmt.Sprint(created["JobId"])
		listed, err := call(t, "DescribeBackupJobs2", kind, map[string]*string{
			"SourceType": new("UDM_ECS"), "Filters.1.Key": new("JobId"), "Filters.1.Values.1": &id,
		}, nil)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		jobs := listed["BackupJobs"].(map[string]any)["BackupJob"].([]any)
		if len(jobs) != 1 || jobs[0].(map[string]any)["JobName"] != "a b*c~d+é!'()&=%/?" {
			t.Errorf("%s: listed %v", kind, jobs)
		}
		if _, err := call(t, "CancelBackupJob", kind, map[string]*string{"JobId": &id, "Edition": new("STANDARD")}, nil); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if _, err := call(t, "DescribeBackupJobs2", "json", nil, map[string]any{"Filters": []any{map[string]any{"Key": "JobId"}}}); err == nil ||
		!strings.Contains(err.Error(), "Filters") {
		t.Errorf("a list in a json body: %v", err)
	}
}

// TestSettingsOfBackupClient proves that the emulator sends those members of a backup client
// that Terraform's data source reads without checking that they exist.
func TestSettingsOfBackupClient(t *testing.T) {
	answer, err := call(t, "DescribeBackupClients", "formData", map[string]*string{"ClientType": new("ECS_CLIENT")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	settings := answer["Clients"].([]any)[0].(map[string]any)["Settings"].(map[string]any)
	for _, name := range []string{"DataNetworkType", "DataProxySetting", "MaxCpuCore", "MaxWorker", "ProxyHost", "ProxyPassword", "ProxyPort",
		"ProxyUser", "UseHttps"} {
		if settings[name] == nil {
			t.Errorf("Settings lack %s", name)
		}
	}
}

// Reasons of members that an answer leaves unset.
const (
	onlyPrepaid = "only of resources that are paid in advance; a world has none"
	onlyInSet   = "only of instances in a deployment set; a world has none"
	onlyLocal   = "only of instance types with local disks; a world has none"
)

// unset are the members of ecs-20140526/v7's typed answers that the emulator leaves unset, with the
// reason.
var unset = map[string]map[string]string{
	"DescribeInstances": {
		"Instances.Instance.DeploymentSetGroupNo": onlyInSet,
		"Instances.Instance.LocalStorageAmount":   onlyLocal,
		"Instances.Instance.LocalStorageCapacity": onlyLocal,
		"Instances.Instance.SaleCycle":            onlyPrepaid,
	},
	"DescribeDisks":   {},
	"DescribeRegions": {},
}

func TestTypedAnswersOfECSAreComplete(t *testing.T) {
	client, err := ecs.NewClient(config(t))
	if err != nil {
		t.Fatal(err)
	}
	instances, err := client.DescribeInstances(&ecs.DescribeInstancesRequest{
		RegionId: new("cn-hangzhou"), MaxResults: new(int32(10)), InstanceIds: new(`["i-bp1web01"]`), InstanceChargeType: new("PostPaid"),
		AdditionalAttributes: []*string{new("META_OPTIONS")},
		Tag:                  []*ecs.DescribeInstancesRequestTag{{Key: new("team"), Value: new("web")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	disks, err := client.DescribeDisks(&ecs.DescribeDisksRequest{
		RegionId: new("cn-hangzhou"), InstanceId: new("i-bp1web01"), Encrypted: new(true),
		AdditionalAttributes: []*string{new("IOPS"), new("PLACEMENT")},
	})
	if err != nil {
		t.Fatal(err)
	}
	regions, err := client.DescribeRegions(&ecs.DescribeRegionsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for action, body := range map[string]any{
		"DescribeInstances": instances.Body, "DescribeDisks": disks.Body, "DescribeRegions": regions.Body,
	} {
		var missing []string
		addUnset(reflect.ValueOf(body), "", &missing)
		slices.Sort(missing)
		for _, path := range missing {
			if unset[action][path] == "" {
				t.Errorf("%s leaves %s unset", action, path)
			}
		}
		for path := range unset[action] {
			if !slices.Contains(missing, path) {
				t.Errorf("%s has %s: remove it from the list", action, path)
			}
		}
	}
	if i := instances.Body.Instances.Instance[0]; dara.Int32Value(i.Cpu) != 2 || dara.Int32Value(i.Memory) != 8192 {
		text, _ := json.Marshal(i)
		t.Errorf("the size of an ecs.g7.large: %s", text)
	}
}

// addUnset adds the paths of all members of v that are nil to missing. Only the first element of a
// list counts. Members below an empty list are not seen.
func addUnset(v reflect.Value, path string, missing *[]string) {
	switch v.Kind() {
	case reflect.Pointer:
		addUnset(v.Elem(), path, missing)
	case reflect.Slice:
		if v.Len() > 0 {
			addUnset(v.Index(0), path, missing)
		}
	case reflect.Struct:
		for field, value := range v.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch {
			case name == "":
			case (value.Kind() == reflect.Pointer || value.Kind() == reflect.Slice) && value.IsNil():
				*missing = append(*missing, path+name)
			default:
				addUnset(value, path+name+".", missing)
			}
		}
	}
}
