package emulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
	"backupportal/function/emulator/world"
)

// A clock shows a fixed time until a test advances it.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

// Now returns the fixed time.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// advance moves the clock forward.
func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// A fixture is an emulator (a Cloud) with a fixed clock, and a client that sends signed
// requests to it.
type fixture struct {
	*Cloud
	clock *clock
	nonce int
}

// newFixture returns a Cloud with the demo world, changed by edits.
func newFixture(t *testing.T, edits ...func(*world.World)) *fixture {
	t.Helper()
	world := world.Demo()
	grantMore(world)
	for _, edit := range edits {
		edit(world)
	}
	f := &fixture{clock: &clock{t: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}}
	c, err := New(Options{World: world, Now: f.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	f.Cloud = c
	return f
}

// grantMore gives the portal's user in the demo accounts the permissions for emulated
// operations that the portal does not call.
func grantMore(w *world.World) {
	w.Accounts[0].Users[0].Permissions = []ram.Statement{{Effect: "Allow", Actions: []string{"sts:AssumeRole", "hbr:*", "ecs:Describe*"}}}
	for i := range w.Accounts[1].Roles {
		if r := &w.Accounts[1].Roles[i]; len(r.Permissions) > 0 {
			r.Permissions = []ram.Statement{{Effect: "Allow", Actions: []string{"hbr:*", "ecs:DescribeInstances", "ecs:DescribeDisks"}}}
		}
	}
}

// keys are credentials. A test signs requests with them.
type keys struct{ id, secret, token string }

// portal are the credentials of the portal's user in the demo world.
var portal = keys{id: world.DemoKey, secret: world.DemoSecret}

// An answer is a decoded reply.
type answer struct {
	status int
	body   map[string]any
}

// code returns the answer's Code if it is a text, and otherwise the empty text.
func (a answer) code() string { s, _ := a.body["Code"].(string); return s }

// message returns the answer's Message if it is a text, and otherwise the empty text.
func (a answer) message() string { s, _ := a.body["Message"].(string); return s }

// common returns the common parameters of a valid request, without a signature.
func (f *fixture) common(who keys, action string) rpc.Params {
	f.nonce++
	version := api.HBRVersion
	if action == "AssumeRole" || action == "GetCallerIdentity" {
		version = api.STSVersion
	}
	p := rpc.Params{
		"Action": action, "Version": version, "Format": "JSON", "RegionId": "cn-hangzhou",
		"AccessKeyId": who.id, "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0", "SignatureType": "",
		"SignatureNonce": strconv.Itoa(f.nonce), "Timestamp": f.clock.Now().Format(rpc.TimestampLayout),
	}
	if who.token != "" {
		p["SecurityToken"] = who.token
	}
	return p
}

// call sends one valid request for the operation action, with the operation's own parameters.
func (f *fixture) call(t *testing.T, who keys, action string, own rpc.Params) answer {
	t.Helper()
	p := f.common(who, action)
	maps.Copy(p, own)
	p["Signature"] = sign.Signature(who.secret, sign.StringToSign("POST", p))
	return f.send(t, p)
}

// send posts the parameters p exactly as given, also if they are invalid.
func (f *fixture) send(t *testing.T, p rpc.Params) answer {
	t.Helper()
	form := url.Values{}
	for name, v := range p {
		form.Set(name, v)
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return f.do(t, r)
}

// do sends the request and decodes the answer.
func (f *fixture) do(t *testing.T, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	a := answer{status: w.Code}
	dec := json.NewDecoder(w.Body)
	dec.UseNumber()
	if err := dec.Decode(&a.body); err != nil {
		t.Fatalf("the answer is no json object: %v", err)
	}
	return a
}

// create creates a job and returns the job's id.
func (f *fixture) create(t *testing.T, who keys, own rpc.Params) string {
	t.Helper()
	a := f.call(t, who, "CreateBackupJob", own)
	id, _ := a.body["JobId"].(string)
	if a.status != 200 || id == "" {
		t.Fatalf("CreateBackupJob answered %d %v", a.status, a.body)
	}
	return id
}

// list returns the jobs in the answer of a call of DescribeBackupJobs2.
func (f *fixture) list(t *testing.T, who keys, own rpc.Params) []map[string]any {
	t.Helper()
	a := f.call(t, who, "DescribeBackupJobs2", own)
	if a.status != 200 {
		t.Fatalf("DescribeBackupJobs2 answered %d %v", a.status, a.body)
	}
	var jobs []map[string]any
	for _, j := range a.body["BackupJobs"].(map[string]any)["BackupJob"].([]any) {
		jobs = append(jobs, j.(map[string]any))
	}
	return jobs
}

// assume assumes a role and returns the role's credentials.
func (f *fixture) assume(t *testing.T, who keys, own rpc.Params) keys {
	t.Helper()
	p := rpc.Params{"RoleArn": operatorARN, "RoleSessionName": "alice@example.com"}
	maps.Copy(p, own)
	a := f.call(t, who, "AssumeRole", p)
	if a.status != 200 {
		t.Fatalf("AssumeRole answered %d %v", a.status, a.body)
	}
	c := a.body["Credentials"].(map[string]any)
	return keys{c["AccessKeyId"].(string), c["AccessKeySecret"].(string), c["SecurityToken"].(string)}
}

// operatorARN names a role in the second account that trusts the portal.
const operatorARN = "acs:ram::2000000000000002:role/backup-operator"

// instanceOrder, fileOrder and containerOrder return the parameters of a valid call of
// CreateBackupJob for one source type each: UDM_ECS, ECS_FILE and CONTAINER.
func instanceOrder() rpc.Params {
	return rpc.Params{"SourceType": "UDM_ECS", "InstanceId": "i-bp1demoweb01", "Retention": "7", "Detail": `{"doCopy":false}`}
}

func fileOrder() rpc.Params {
	return rpc.Params{"SourceType": "ECS_FILE", "InstanceId": "i-bp1demoweb01", "Retention": "30",
		"VaultId": "v-0001demovault01", "Include": `["/home"]`}
}

func containerOrder() rpc.Params {
	return rpc.Params{"SourceType": "CONTAINER", "ContainerClusterId": "cc-0001democluster", "Retention": "30",
		"VaultId": "v-0001demovault02", "ContainerResources": `[` + goodVolume + `]`}
}

// goodVolume is one valid element of ContainerResources.
const goodVolume = `{"resourceType":"PV","backupMethod":"FILE","resourceId":"674dac6d-74cd-47e9-a675-09e2f10d2c45",` +
	`"resourceInfo":"{\"pv_name\":\"nas-674dac6d\"}","host":"n","hostPrefix":"p","pvPath":"/"}`

// with returns a copy of p with changes. An empty value removes the parameter.
func with(p rpc.Params, changes rpc.Params) rpc.Params {
	p = maps.Clone(p)
	for name, v := range changes {
		p[name] = v
		if v == "" {
			delete(p, name)
		}
	}
	return p
}
