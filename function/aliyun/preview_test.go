package aliyun_test

import (
	"encoding/json"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/param"
)

// previews returns the texts of the four previews: request, command, portal, program.
func previews(t testing.TB, call backup.Call) []string {
	t.Helper()
	client, err := aliyun.New(aliyun.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, p := range client.Previews(call) {
		texts = append(texts, p.Code)
	}
	if len(texts) != 4 {
		t.Fatalf("%d previews, want 4", len(texts))
	}
	return texts
}

func TestPreviewsOfAnInstance(t *testing.T) {
	call := instanceCall()
	call.Params["Detail.diskIdList"] = `["d-bp1","d-bp2"]`
	got := previews(t, call)
	const detail = `{"diskIdList":["d-bp1","d-bp2"],"snapshotGroup":false,"appConsistent":false,"preScriptPath":"","postScriptPath":"",`
	for i, want := range []string{
		"POST https://hbr.cn-hangzhou.aliyuncs.com/\nAction=CreateBackupJob\nVersion=2017-09-08\nRegionId=cn-hangzhou\nSourceType=UDM_ECS\n",
		"aliyun hbr CreateBackupJob --RegionId cn-hangzhou \\\n  --SourceType UDM_ECS \\\n",
		`curl -X POST "$PORTAL/api/v1/backup-jobs" \
  -H 'Content-Type: application/json' \
  -H "Authorization: Bearer $PORTAL_TOKEN" \
  -H "Idempotency-Key: $IDEMPOTENCY_KEY" \
  -d '{
  "SourceType": "UDM_ECS",
  "Account": "own",
  "Region": "cn-hangzhou",
  "InstanceId": "i-bp1abc",
  "Detail": {
    "diskIdList": [
      "d-bp1",
      "d-bp2"
    ]
  },
  "Retention": 7,
  "JobName": "web01"
}'
`,
		"package main\n",
	} {
		if !strings.HasPrefix(got[i], want) {
			t.Errorf("preview %d is\n%s\nand does not begin with\n%s", i, got[i], want)
		}
	}
	for _, i := range []int{0, 1, 3} {
		if !strings.Contains(got[i], detail) || !strings.Contains(got[i], "web01-"+submissionID) {
			t.Errorf("preview %d has not the parameters that are sent:\n%s", i, got[i])
		}
	}
}

func TestPreviewTitlesAreInBothLanguages(t *testing.T) {
	client, err := aliyun.New(aliyun.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var en, zh []string
	for _, p := range client.Previews(instanceCall()) {
		en, zh = append(en, p.Title.En), append(zh, p.Title.Zh)
	}
	if want := []string{"The exact API request", "The same request with the Alibaba Cloud CLI", "The same request through this portal's API", "The same request in Go"}; !slices.Equal(en, want) {
		t.Errorf("titles %q", en)
	}
	if want := []string{"实际 API 请求", "使用阿里云 CLI 发送相同请求", "通过本门户的 API 发送相同请求", "使用 Go 发送相同请求"}; !slices.Equal(zh, want) {
		t.Errorf("titles %q", zh)
	}
}

// drawCall returns a random call (for a property test) whose values need quotes in a shell, in
// JSON or in Go.
func drawCall(t *rapid.T) backup.Call {
	text := func(name string) string {
		return rapid.StringMatching("[a-zA-Z0-9 '\"`$\\\\!*?~#&;|<>(){}%=+,.:/@é长-]{1,12}").Filter(func(s string) bool {
			return s == strings.TrimSpace(s) // the portal's API removes surrounding blanks
		}).Draw(t, name)
	}
	list := func(name string) string {
		return param.StringList(rapid.SliceOfN(rapid.StringMatching("/[a-z '\"$*]{1,8}"), 0, 3).Draw(t, name))
	}
	p := param.Params{"Account": "own", "Region": "cn-shanghai", "Retention": "30", "InstanceId": "i-" + text("instance")}
	switch rapid.SampledFrom(param.SourceTypes).Draw(t, "type") {
	case param.UDMECS:
		p["Detail.doCopy"], p["Detail.destinationRegionId"], p["Detail.destinationRetention"] = "true", "cn-beijing", "9"
		p["Detail.appConsistent"], p["Detail.preScriptPath"] = "true", text("script")
	case param.ECSFile:
		p["SourceType"], p["Include"], p["Exclude"], p["Options.UseVSS"] = "ECS_FILE", list("include"), list("exclude"), "true"
		p["VaultId"], p["SpeedLimit"] = "v-1", "0:24:NaN"
	case param.Container:
		p["SourceType"], p["InitiatedByAck"], p["ContainerClusterId"] = "CONTAINER", "true", "cc-1"
		delete(p, "InstanceId")
		p["ContainerResources"] = param.VolumeList([]param.Volume{param.Volume{ResourceID: text("id")}.WithInfo(param.VolumeInfo{PVCName: text("pvc")})})
	}
	call := instanceCall()
	call.Params, call.Target.Region = p.WithDefaults(), "cn-shanghai"
	call.Params["JobName"] = rapid.SampledFrom([]string{"portal", "-x", "a.b_c"}).Draw(t, "label") + "-" + submissionID
	return call
}

// words runs a command line in a shell, which splits it into words. line must begin with
// program. words returns the arguments that program would receive.
func words(t *rapid.T, line, program string) []string {
	script := program + `() { printf '%s\0' "$@"; }` + "\n" + line
	out, err := exec.Command("sh", "-c", script).Output()
	if err != nil {
		t.Fatalf("sh: %v in\n%s", err, script)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

func TestCommandPreviewInShell(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		call := drawCall(r)
		want := []string{"hbr", "CreateBackupJob", "--RegionId", "cn-shanghai"}
		for _, p := range call.Params.Parameters() {
			if strings.HasPrefix(p.Value, "-") {
				want = append(want, "--"+p.Name+"="+p.Value)
			} else {
				want = append(want, "--"+p.Name, p.Value)
			}
		}
		if diff := cmp.Diff(want, words(r, previews(t, call)[1], "aliyun")); diff != "" {
			r.Fatalf("words differ (-want +got):\n%s", diff)
		}
	})
}

// TestPortalPreviewGivesTheSameCall sends the JSON of the portal preview to the portal and proves
// that the result is the same call.
func TestPortalPreviewGivesTheSameCall(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		call := drawCall(r)
		got := words(r, previews(t, call)[2], "curl")
		params, _, err := param.DecodeJSON([]byte(got[len(got)-1]))
		if err != nil {
			r.Fatalf("%v in %s", err, got[len(got)-1])
		}
		again := backup.Submission{Params: params}
		complete := params.WithDefaults()
		complete["JobName"] = strings.TrimSuffix(again.JobName(), again.ID()) + submissionID
		if diff := cmp.Diff(call.Params.Parameters(), complete.Parameters()); diff != "" {
			r.Fatalf("parameters differ (-want +got):\n%s", diff)
		}
	})
}

func TestPortalPreviewOmitsAssignedFields(t *testing.T) {
	call := instanceCall()
	call.Params["CrossAccountType"], call.Params["CrossAccountUserId"], call.Params["CrossAccountRoleName"] = "CROSS_ACCOUNT", "1589750000004625", "hbrcrossrole"
	call.Params["JobName"] = "portal-" + submissionID
	got := previews(t, call)
	for _, name := range []string{"CrossAccount", "JobName"} {
		if strings.Contains(got[2], name) {
			t.Errorf("%s is in\n%s", name, got[2])
		}
	}
	if !strings.Contains(got[0], "CrossAccountUserId=1589750000004625\n") {
		t.Errorf("the request lacks the account:\n%s", got[0])
	}
}

func TestProgramPreviewIsFormatted(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		program := previews(t, drawCall(r))[3]
		if formatted, err := format.Source([]byte(program)); err != nil || string(formatted) != program {
			r.Fatalf("%v; not as gofmt writes it:\n%s", err, program)
		}
	})
}

func TestProgramPreviewCompiles(t *testing.T) {
	tool, err := exec.LookPath("go")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the go command is missing")
		}
		t.Skip("the go command is missing")
	}
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(previews(t, instanceCall())[3]), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "vet", file).CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
}

func TestPreviewsShowConfiguredEndpoint(t *testing.T) {
	client := clientOf(t, "http://127.0.0.1:9100")
	got := client.Previews(instanceCall())
	if !strings.HasPrefix(got[0].Code, "POST http://127.0.0.1:9100/\n") || !strings.Contains(got[3].Code, `request.Domain = "127.0.0.1:9100"`) || !strings.Contains(got[3].Code, `request.Scheme = "HTTP"`) {
		t.Errorf("previews do not show the endpoint:\n%s\n%s", got[0].Code, got[3].Code)
	}
	text, err := json.Marshal(got)
	if err != nil || contains(string(text), keyMarker, secretMarker, tokenMarker) != "" {
		t.Errorf("previews hold credentials: %s, %v", text, err)
	}
}
