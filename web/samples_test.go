package web_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/identity"
	"backupportal/function/jsontext"
	"backupportal/web"
)

// tester is the principal of an event of the demo policy.
var tester = identity.Principal{Kind: identity.KindEvent, Subject: "event:direct"}

// leasts are the values without which a backup of each source type is not possible, in JSON.
var leasts = map[string]map[string]any{
	"UDM_ECS": {"SourceType": "UDM_ECS", "Account": "demo", "Region": "cn-hangzhou", "InstanceId": "i-bp1demoweb01", "Retention": 7},
	"ECS_FILE": {
		"SourceType": "ECS_FILE", "Account": "demo", "Region": "cn-hangzhou", "InstanceId": "i-bp1demowin01",
		"VaultId": "v-0001demovault01", "Retention": 7,
	},
	"CONTAINER": {
		"SourceType": "CONTAINER", "Account": "demo", "Region": "cn-hangzhou", "ContainerClusterId": "cc-0001democluster",
		"VaultId": "v-0001demovault02", "Retention": 7, "ContainerResources": `[{"resourceType":"PV","backupMethod":"FILE","resourceId":"1"}]`,
	},
}

// least returns the least values of a kind and one more.
func least(kind, name string, value any) map[string]any {
	all := maps.Clone(leasts[kind])
	all[name] = value
	return all
}

// formOf returns values in JSON as a posted form, as the API takes them.
func formOf(all map[string]any) url.Values {
	form := url.Values{"key": {"k"}, "op": {"check"}}
	for name, value := range all {
		form.Set(name, fmt.Sprint(value))
	}
	return form
}

// vendorDetail is the sample value of Detail on the API page of CreateBackupJob.
const vendorDetail = `{"doCopy":false,"destinationRegionId":"","destinationRetention":null,"diskIdList":[],` +
	`"snapshotGroup":false,"appConsistent":false,"enableWriters":true,"preScriptPath":"","postScriptPath":"",` +
	`"enableFsFreeze":true,"timeoutInSeconds":60}`

const vendorVolumes = `[{"resourceType":"PV","backupMethod":"FILE","resourceId":"674dac6d-74cd-47e9-a675-09e2f10d2c45",` +
	`"resourceInfo":"{\"pv_name\":\"nas-650dac6d\",\"pv_size\":\"8Gi\",\"storage_class\":\"alibabacloud-cnfs-nas\",` +
	`\"pvc_name\":\"data-0\",\"namespace\":\"database\"}","host":"cn-huhehaote.192.168.13.133",` +
	`"hostPrefix":"6f5e758e/volumes/kubernetes.io~csi/nas-670dac6d/mount","pvPath":"/"}]`

// TestVendorSamplesAreAccepted proves that every sample value of the API page of
// CreateBackupJob, and of its table of parameters, is accepted unaltered as JSON, in a form, in
// a link to the form and in an event.
func TestVendorSamplesAreAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.govern(t, "account_id: \"2000000000000002\"\n    access: hbr_cross_account", "account_id: \"1589750000004625\"\n    access: hbr_cross_account")
	for _, c := range []struct {
		kind, name string
		value      any
	}{
		{"UDM_ECS", "SourceType", "UDM_ECS"},
		{"UDM_ECS", "JobName", "k8s-backup-infra-20220131150046-hbr"},
		{"UDM_ECS", "Retention", 15},
		{"UDM_ECS", "InstanceId", "i-bp1xxxxxxxxxxxxxxysm"},
		{"UDM_ECS", "Detail", vendorDetail},
		{"UDM_ECS", "Detail", json.RawMessage(vendorDetail)},
		{"UDM_ECS", "Detail", strings.Replace(vendorDetail, ":60", ":30", 1)},
		{"UDM_ECS", "Detail", `{"appConsistent":true,"enableWriters":true,"timeoutInSeconds":200}`},
		{"UDM_ECS", "BackupType", "COMPLETE"},
		{"ECS_FILE", "BackupType", "INCREMENTAL"},
		{"ECS_FILE", "VaultId", "v-000xxxxxxxxxxxxxxy1v"},
		{"ECS_FILE", "SpeedLimit", "0:24:NaN"},
		{"ECS_FILE", "SpeedLimit", "0:24:1024"},
		{"ECS_FILE", "SpeedLimit", "0:24:5120"},
		{"ECS_FILE", "Options", `{"UseVSS":false}`},
		{"ECS_FILE", "Options", `{"UseVSS":true}`},
		{"ECS_FILE", "Include", `["/home/alice/*.pdf"]`},
		{"ECS_FILE", "Include", `["/home"]`},
		{"ECS_FILE", "Exclude", `["/var","/proc"]`},
		{"ECS_FILE", "Exclude", `["/home/cache"]`},
		{"CONTAINER", "ClusterId", "cl-00068btz******oku"},
		{"CONTAINER", "ContainerResources", vendorVolumes},
		{"CONTAINER", "InitiatedByAck", false},
		{"CONTAINER", "ContainerClusterId", "cc-000xxxxxxxxxxxxxxi00"},
		{"UDM_ECS", "CrossAccountType", "SELF_ACCOUNT"},
		{"UDM_ECS", "CrossAccountUserId", 1589750000004625},
		{"UDM_ECS", "CrossAccountRoleName", "hbrcrossrole"},
	} {
		values := least(c.kind, c.name, c.value)
		if c.name == "Include" || c.name == "Exclude" {
			values["InstanceId"] = "i-bp1demoweb01" // the paths are those of Linux
		}
		if strings.HasPrefix(c.name, "CrossAccount") && c.name != "CrossAccountType" {
			values["Account"], values["CrossAccountType"] = "payments-central", "CROSS_ACCOUNT"
		}
		values["dry_run"] = true
		event, _ := json.Marshal(values)
		answer, accepted, err := w.server.SubmitMessage(t.Context(), web.Message{Principal: tester, Key: "k", Body: event, Heard: true})
		if err != nil || !accepted {
			t.Errorf("%s %v in an event: %s, %v", c.name, c.value, answer, err)
		}
		delete(values, "dry_run")
		body, _ := json.Marshal(values)
		if got := w.ask("POST", "/api/v1/backup-jobs?dry_run=true", "application/json", string(body)); got.Code != http.StatusOK {
			t.Errorf("%s %v as JSON: %d %s", c.name, c.value, got.Code, got.Body)
		}
		if raw, ok := c.value.(json.RawMessage); ok {
			values[c.name] = string(raw)
		}
		form := formOf(values)
		if got := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode()); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "Check before you start the backup") {
			t.Errorf("%s %v in a form: %d %s", c.name, c.value, got.Code, summaryOf(got.Body.String()))
		}
		link := url.Values{c.name: {fmt.Sprint(values[c.name])}}
		if got := w.ask("GET", "/backups/new/"+c.kind+"?"+link.Encode(), "", ""); got.Code != http.StatusOK {
			t.Errorf("%s %v in a link: %d", c.name, c.value, got.Code)
		}
	}
}

// summaryOf returns the error summary of a page.
func summaryOf(page string) string {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(page))
	if err != nil {
		return err.Error()
	}
	return doc.Find(".summary, .reason").Text()
}

// TestNotesAreInEveryAnswer proves that the portal tells the sender, in every answer and on
// every page, that values of a switch that is off were ignored. A program's JobName is made
// valid with such a note; a person must correct it.
func TestNotesAreInEveryAnswer(t *testing.T) {
	w := newWorld(t)
	const ignored, named = "Detail.timeoutInSeconds was ignored", "JobName was changed to before-upgrade"
	values := least("UDM_ECS", "Detail", json.RawMessage(vendorDetail))
	values["JobName"] = " before upgrade"
	body, _ := json.Marshal(values)
	for _, c := range []struct {
		query, key string
		want       int
	}{{"?dry_run=true", "a", 200}, {"", "a", 201}, {"", "a", 200}} {
		got := w.ask("POST", "/api/v1/backup-jobs"+c.query, "application/json", string(body), "Idempotency-Key", c.key)
		var answer struct {
			Notes                 []string
			JobName, SubmissionId string
		}
		if err := json.Unmarshal(got.Body.Bytes(), &answer); err != nil || got.Code != c.want || len(answer.Notes) != 2 ||
			!strings.Contains(strings.Join(answer.Notes, " "), ignored) || !strings.Contains(strings.Join(answer.Notes, " "), named) ||
			!strings.HasPrefix(answer.JobName, "before-upgrade-") {
			t.Errorf("%+v: %d %s", c, got.Code, got.Body)
		}
		if c.want != 201 {
			continue
		}
		for _, path := range []string{"/backups/", "/api/v1/backup-jobs/"} {
			if page := w.ask("GET", path+answer.SubmissionId, "", "").Body.String(); !strings.Contains(page, ignored) || !strings.Contains(page, named) {
				t.Errorf("%s has no notes: %s", path, page)
			}
		}
	}
	jobs := w.cloud.Ledger().Jobs
	if len(jobs) != 1 || !strings.Contains(jobs[0].Parameters["Detail"], `"timeoutInSeconds":30`) {
		t.Errorf("the cloud got %+v", jobs)
	}
	form := formOf(least("UDM_ECS", "Detail", vendorDetail))
	page := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode())
	if page.Code != http.StatusOK || !strings.Contains(page.Body.String(), ignored) {
		t.Errorf("the check page: %d, no note", page.Code)
	}
	form.Set("JobName", "before upgrade")
	page = w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode())
	if page.Code != http.StatusOK || !strings.Contains(page.Body.String(), "JobName was changed to before-upgrade") {
		t.Errorf("a person's name with a blank: %d, no note", page.Code)
	}
}

// TestSpeedLimitRoundTrip proves that windows without a limit, and windows over midnight, keep
// their meaning in links, in forms, on the check page and with Run again.
func TestSpeedLimitRoundTrip(t *testing.T) {
	t.Parallel()
	for given, sent := range map[string]string{
		"0:24:NaN":                             "0:24:NaN",
		"0:8:1024|8:24:NaN":                    "0:8:1024|8:24:NaN",
		"22:6:NaN":                             "22:24:NaN|0:6:NaN",
		"22:6:2048|6:22:100":                   "22:24:2048|0:6:2048|6:22:100",
		" 9:18:5|18:0:NaN":                     "9:18:5|18:24:NaN",
		"０:２４:１０２４":                            "0:24:1024",
		hourly(func(int) any { return "NaN" }): hourly(func(int) any { return "NaN" }),
	} {
		w := newWorld(t)
		body, _ := json.Marshal(least("ECS_FILE", "SpeedLimit", given))
		made := w.ask("POST", "/api/v1/backup-jobs", "application/json", string(body))
		var job struct{ SubmissionId string }
		if err := json.Unmarshal(made.Body.Bytes(), &job); err != nil || made.Code != http.StatusCreated {
			t.Fatalf("%s: %d %s", given, made.Code, made.Body)
		}
		if got := w.cloud.Ledger().Jobs[0].Parameters["SpeedLimit"]; got != sent {
			t.Errorf("%s: the cloud got %s, want %s", given, got, sent)
		}
		for _, query := range []string{"from=" + job.SubmissionId, "SpeedLimit=" + url.QueryEscape(given)} {
			page := w.ask("GET", "/backups/new/ECS_FILE?"+query, "", "")
			form := formOn(t, page.Body.String())
			if n := strings.Count(sent, "|") + 1; !form.Has(fmt.Sprintf("SpeedLimit.%d.unit", n-1)) || form.Has(fmt.Sprintf("SpeedLimit.%d.unit", n)) {
				t.Errorf("%s: the form does not have %d rows", query, n)
			}
			for name, value := range formOf(leasts["ECS_FILE"]) {
				form[name] = value
			}
			check := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode())
			if check.Code != http.StatusOK || !strings.Contains(check.Body.String(), "SpeedLimit="+sent) && !strings.Contains(check.Body.String(), sent) {
				t.Errorf("%s: the check page of %s: %d %s", given, query, check.Code, summaryOf(check.Body.String()))
			}
		}
	}
}

// TestPauseOfApplicationsRoundTrip proves that a link and the button Run again keep how
// applications are paused without scripts, or ask for the scripts. They never change it
// silently.
func TestPauseOfApplicationsRoundTrip(t *testing.T) {
	t.Parallel()
	for detail, want := range map[string]map[string]string{
		`{"appConsistent":true,"enableFsFreeze":false}`:                      nil,
		`{"appConsistent":true,"timeoutInSeconds":200}`:                      {"timeoutInSeconds": "200", "enableFsFreeze": "true"},
		`{"appConsistent":true,"enableFsFreeze":false,"timeoutInSeconds":7}`: {"timeoutInSeconds": "7", "enableFsFreeze": "false"},
		`{"appConsistent":true}`:                                             {"timeoutInSeconds": "30", "enableFsFreeze": "true"},
	} {
		w := newWorld(t)
		body := strings.Replace(oneBackup, "{", `{"Detail":`+detail+`,`, 1)
		made := w.ask("POST", "/api/v1/backup-jobs", "application/json", body)
		var job struct{ SubmissionId string }
		if err := json.Unmarshal(made.Body.Bytes(), &job); err != nil || made.Code != http.StatusCreated {
			t.Fatalf("%s: %d %s", detail, made.Code, made.Body)
		}
		link := url.Values{"Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}, "Retention": {"15"}, "Detail": {detail}}
		for _, query := range []string{"from=" + job.SubmissionId, link.Encode()} {
			form := formOn(t, w.ask("GET", "/backups/new/UDM_ECS?"+query, "", "").Body.String())
			form.Set("op", "check")
			check := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode())
			if want == nil { // the form needs a script to show the setting, and says so
				if check.Code != http.StatusUnprocessableEntity || !strings.Contains(check.Body.String(), "pre-freeze script") {
					t.Errorf("%s: the check page of %s: %d", detail, query, check.Code)
				}
				continue
			}
			if check.Code != http.StatusOK {
				t.Errorf("%s: the check page of %s: %d %s", detail, query, check.Code, summaryOf(check.Body.String()))
				continue
			}
			page := html.UnescapeString(check.Body.String())
			for name, value := range want {
				if !strings.Contains(page, `"`+name+`":`+value) {
					t.Errorf("%s: the call of %s does not have %s %s", detail, query, name, value)
				}
			}
		}
	}
}

// TestUnreadableTextsAreNamed proves that the portal reports each unreadable text for several
// controls, in a link or a form. It drops nothing silently.
func TestUnreadableTextsAreNamed(t *testing.T) {
	w := newWorld(t)
	for query, name := range map[string]string{
		"UDM_ECS?Detail=%7B%22doKopy%22:true%7D":                   "Detail.doKopy",
		"UDM_ECS?Detail=nonsense":                                  "Detail",
		"UDM_ECS?Options=%7B%22UseVSS%22:true%7D":                  "Options.UseVSS",
		"UDM_ECS?Detail=%7B%22preScriptPath%22:%22a%5Cu0000%22%7D": "Detail.preScriptPath",
	} {
		page := w.ask("GET", "/backups/new/"+query, "", "")
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(page.Body.String()))
		if err != nil || page.Code != http.StatusOK || !strings.Contains(doc.Find("body").Text(), name) {
			t.Errorf("%s: %d, the page does not name %s", query, page.Code, name)
		}
		source, text, _ := strings.Cut(query, "?")
		if strings.HasPrefix(text, "Options") {
			continue
		}
		form := formOf(leasts[source]).Encode() + "&" + text
		if got := w.ask("POST", "/backups", "application/x-www-form-urlencoded", form); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s in a form: %d", query, got.Code)
		}
	}
	if n := w.calls(); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// TestUnreadableSpeedLimitIsShown proves that a SpeedLimit that cannot be read is shown as text
// with its mistake. It tests a link, a posted form, and the button that adds a row. A corrected
// text becomes rows.
func TestUnreadableSpeedLimitIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for text, mistake := range map[string]string{
		"all day":         "Each limit must be start:end:KB/s",
		"0:24":            "Each limit must be start:end:KB/s",
		"<b>0:24:1</b>":   "Each limit must be start:end:KB/s",
		"5:5:NaN":         "Window 1 must not end at the hour at which it starts",
		"0:12:10|11:13:5": "Window 2 overlaps window 1",
		hourly(func(int) any { return 1 }) + "|0:1:1": "There must be 24 windows or fewer",
	} {
		form := formOf(leasts["ECS_FILE"])
		form.Set("SpeedLimit", text)
		form.Set("choice.SpeedLimit", "hours")
		pages := map[string]*httptest.ResponseRecorder{
			"link":  w.ask("GET", "/backups/new/ECS_FILE?SpeedLimit="+url.QueryEscape(text), "", ""),
			"check": w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode()),
			"start": w.ask("POST", "/backups", "application/x-www-form-urlencoded", form.Encode()),
		}
		for name, page := range pages {
			doc, err := goquery.NewDocumentFromReader(strings.NewReader(page.Body.String()))
			if err != nil {
				t.Fatal(err)
			}
			box := doc.Find("#req input[name=SpeedLimit]")
			linked := doc.Find(".summary a[href='#" + box.AttrOr("id", "?") + "']").Text()
			if box.AttrOr("value", "") != text || !strings.Contains(linked, mistake) || doc.Find("[name='SpeedLimit.0.start']").Length() != 0 ||
				!strings.Contains(doc.Find("#rows-SpeedLimit .error").Text(), mistake) {
				t.Errorf("%s by %s: %d, text %q, summary %q", text, name, page.Code, box.AttrOr("value", ""), summaryOf(page.Body.String()))
			}
		}
		posted := formOn(t, pages["link"].Body.String())
		for name, value := range formOf(leasts["ECS_FILE"]) {
			posted[name] = value
		}
		posted.Set("SpeedLimit", "22:6:2048")
		check := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", posted.Encode())
		if check.Code != http.StatusOK || !strings.Contains(check.Body.String(), "22:24:2048|0:6:2048") {
			t.Errorf("%s, corrected: %d %s", text, check.Code, summaryOf(check.Body.String()))
		}
	}
	if jobs := w.cloud.Ledger().Jobs; len(jobs) != 0 {
		t.Errorf("jobs: %+v", jobs)
	}
}

// TestManyVolumesAsRows proves that the form accepts 200 volumes as rows, and shows them again
// if there is a mistake.
func TestManyVolumesAsRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := formOf(leasts["CONTAINER"])
	form.Del("ContainerResources")
	form.Set("choice.ContainerResources", "rows")
	for i := range 200 {
		for name, value := range map[string]string{
			"namespace": "database", "pvc_name": fmt.Sprintf("data-%d", i), "pv_name": fmt.Sprintf("nas-650dac6d-74cd-47e9-a675-%012d", i),
			"resourceId": fmt.Sprintf("674dac6d-74cd-47e9-a675-%012d", i), "host": "cn-huhehaote.192.168.13.133", "pvPath": "/",
			"hostPrefix": "6f5e758e/volumes/kubernetes.io~csi/nas-670dac6d/mount", "pv_size": "8Gi", "storage_class": "alibabacloud-cnfs-nas",
		} {
			form.Set(fmt.Sprintf("ContainerResources.%d.%s", i, name), value)
		}
	}
	if len(form.Encode()) > 256<<10 {
		t.Fatalf("the form has %d bytes", len(form.Encode()))
	}
	check := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode())
	if check.Code != http.StatusOK || !strings.Contains(check.Body.String(), "data-199") {
		t.Errorf("%d %s", check.Code, summaryOf(check.Body.String()))
	}
	form.Set("Retention", "0")
	again := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode())
	shown := formOn(t, again.Body.String())
	if again.Code != http.StatusUnprocessableEntity || shown.Get("ContainerResources.199.pvc_name") != "data-199" {
		t.Errorf("%d, the last row has %q", again.Code, shown.Get("ContainerResources.199.pvc_name"))
	}
}

// TestDoorsReadValuesAlike proves that a value, also as text, has the same effect in the API,
// in an event, in a webhook and in a link to the form.
func TestDoorsReadValuesAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withLabels(t)
	send := func(door, days, copies, disks, instance string) (status int, call string) {
		instance = jsontext.Must(instance)
		body := `{"Account":"demo","Region":"cn-hangzhou","InstanceId":` + instance + `,"Retention":` + days +
			`,"Detail":{"doCopy":` + copies + `,"diskIdList":` + disks + `}`
		w.clock.Add(40 * time.Second)
		n := len(w.cloud.Ledger().Jobs)
		switch door {
		case "API":
			status = w.ask("POST", "/api/v1/backup-jobs", "application/json", body+"}").Code
		case "event":
			answer, accepted, err := w.server.SubmitMessage(t.Context(), web.Message{
				Principal: tester, Key: rand.Text(), Body: []byte(body + `,"dry_run":"False"}`), Heard: true,
			})
			if status = http.StatusCreated; err != nil || !accepted {
				status = http.StatusUnprocessableEntity
				call = string(answer)
			}
		case "webhook":
			labels := `{"labels":{"instance":` + instance + `,"days":` + days + `,"copy":` + copies + `,"disks":` + disks + `}}`
			status = w.ask("POST", "/webhooks/labels", "application/json", labels, "Authorization", "Bearer "+hookToken,
				"Idempotency-Key", rand.Text()).Code
		}
		if jobs := w.cloud.Ledger().Jobs; len(jobs) > n {
			call = fmt.Sprint(jobs[n].Parameters["Retention"], jobs[n].Parameters["Detail"], jobs[n].Parameters["InstanceId"])
		}
		return status, call
	}
	const disk = `["d-bp1demoweb01b"]`
	for _, c := range []struct {
		days, copies, disks, instance string
		status                        int
	}{
		{"7", "false", disk, "i-bp1demoweb01", 201},
		{`"7"`, `"false"`, `["d-bp1demoweb01b"]`, "i-bp1demoweb01", 201},
		{`"7.0"`, `" False "`, `"[\"d-bp1demoweb01b\"]"`, " i-bp1demoweb01\t", 201},
		{`"７"`, `"ｆａｌｓｅ"`, `[" d-bp1demoweb01b "]`, "i-bp1demoweb01\n", 201},
		{`"0.7e1"`, `""`, `" d-bp1demoweb01b "`, "i-bp1demoweb01", 201},
		{`"7,5"`, "false", disk, "i-bp1demoweb01", 422},
		{`"week"`, "false", disk, "i-bp1demoweb01", 422},
		{"7", `"yes"`, disk, "i-bp1demoweb01", 422},
		{"7", `1`, disk, "i-bp1demoweb01", 422},
		{"7", "false", `{"a":1}`, "i-bp1demoweb01", 422},
		{"7", "false", disk, "i-bp1 demoweb01", 422},
	} {
		first := ""
		for _, door := range []string{"API", "event", "webhook"} {
			w.govern(t, "", "")
			if door == "webhook" {
				w.withLabels(t)
			}
			status, call := send(door, c.days, c.copies, c.disks, c.instance)
			if c.status == 201 && door == "API" {
				first = call
			}
			if status != c.status || c.status == 201 && (call != first || !strings.Contains(call, "d-bp1demoweb01b")) {
				t.Errorf("%+v by %s: %d %s, want %d %s", c, door, status, call, c.status, first)
			}
		}
	}
	link := url.Values{
		"Retention": {" ７.0 "}, "Detail.doCopy": {"False"}, "Detail.diskIdList": {` [" d-bp1demoweb01b "]`}, "InstanceId": {" i-bp1demoweb01 "},
		"Account": {"demo"}, "Region": {"cn-hangzhou"},
	}
	w = newWorld(t) // whose rules allow the form
	form := formOn(t, w.ask("GET", "/backups/new/UDM_ECS?"+link.Encode(), "", "").Body.String())
	form.Set("op", "check")
	page := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode())
	if page.Code != http.StatusOK || !strings.Contains(html.UnescapeString(page.Body.String()), `"diskIdList":["d-bp1demoweb01b"]`) {
		t.Errorf("a link: %d %s", page.Code, summaryOf(page.Body.String()))
	}
}

// TestRepeatedKeyIsTheOnlyMistake proves that a key that occurs twice is the only reported
// mistake. The value that was read last may not be the meant one, so its other mistakes are not
// reported.
func TestRepeatedKeyIsTheOnlyMistake(t *testing.T) {
	w := newWorld(t)
	for _, detail := range []string{
		`{"doCopy":false,"doCopy":true}`,
		`"{\"doCopy\":false,\"doCopy\":true}"`,
		`{"appConsistent":true,"preScriptPath":"/a","appConsistent":true}`,
		`{"timeoutInSeconds":1,"appConsistent":true,"timeoutInSeconds":"x"}`,
	} {
		got := mistakesIn(t, dryRun(w, instanceOf(`,"Detail":`+detail)))
		if len(got) != 1 || got[0].Code != "twice" {
			t.Errorf("%s: %+v", detail, got)
		}
	}
}

// hourly returns a SpeedLimit with one window an hour.
func hourly(rate func(hour int) any) string {
	var windows []string
	for hour := range 24 {
		windows = append(windows, fmt.Sprintf("%d:%d:%v", hour, hour+1, rate(hour)))
	}
	return strings.Join(windows, "|")
}

// formOn returns the values that a browser would post from the form of a page.
func formOn(t *testing.T, page string) url.Values {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{}
	for _, s := range doc.Find("#req input, #req textarea").EachIter() {
		kind := s.AttrOr("type", "")
		_, checked := s.Attr("checked")
		value := s.AttrOr("value", "")
		if goquery.NodeName(s) == "textarea" {
			value = s.Text()
		}
		if kind != "radio" && kind != "checkbox" || checked {
			form.Set(s.AttrOr("name", ""), value)
		}
	}
	for _, s := range doc.Find("#req select").EachIter() {
		form.Set(s.AttrOr("name", ""), s.Find("option[selected]").AttrOr("value", ""))
	}
	return form
}

// TestSpeedLimitRows proves that a row of the form's speed limits may pass midnight, and may
// mean "no limit" even if a speed was typed before.
func TestSpeedLimitRows(t *testing.T) {
	w := newWorld(t)
	form := formOf(leasts["ECS_FILE"])
	for name, value := range map[string]string{
		"choice.SpeedLimit": "hours", "SpeedLimit.0.start": "22", "SpeedLimit.0.end": "6", "SpeedLimit.0.bandwidth": "２", "SpeedLimit.0.unit": "MB",
		"SpeedLimit.1.start": "6", "SpeedLimit.1.end": "8", "SpeedLimit.1.bandwidth": "7", "SpeedLimit.1.unit": "none",
	} {
		form.Set(name, value)
	}
	page := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode()).Body.String()
	for _, want := range []string{"22:24:2048|0:6:2048|6:8:NaN", "22:00–24:00 · 2 MB/s", "00:00–06:00 · 2 MB/s", "06:00–08:00 · no limit", "SpeedLimit is sent as"} {
		if !strings.Contains(page, want) {
			t.Errorf("the check page has no %q: %s", want, summaryOf(page))
		}
	}
}

// TestShadowCopyRulesAreSaidBeforeTheStart proves that a request that Windows shadow copies do
// not support is refused before the start, in every way of submitting.
func TestShadowCopyRulesAreSaidBeforeTheStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ instance, include, exclude, want string }{
		{"i-bp1demowin01", `["C:\\data"]`, "", ""},
		{"i-bp1demowin01", `["D:\\db\\"]`, "", ""},
		{"i-bp1demowin01", `["C:\\a","C:\\b"]`, "", "one_path"},
		{"i-bp1demowin01", `["C:\\a\\*"]`, "", "vss_wildcard"},
		{"i-bp1demowin01", `["C:\\a?"]`, "", "vss_wildcard"},
		{"i-bp1demowin01", `["\\\\nas\\share"]`, "", "vss_network"},
		{"i-bp1demowin01", `["//nas/share"]`, "", "vss_network"},
		{"i-bp1demowin01", `["C:\\a"]`, `["C:\\a\\tmp"]`, "vss_exclude"},
		{"i-bp1demoweb01", `["/data"]`, "", "vss_windows"},
		{"i-bp1demodb01", "", "", "vss_windows"},
		{"i-bp1nosuch01", `["C:\\data"]`, "", ""}, // the operating system is not known
	} {
		w := newWorld(t)
		values := least("ECS_FILE", "Options", `{"UseVSS":true}`)
		values["InstanceId"], values["Include"], values["Exclude"] = c.instance, c.include, c.exclude
		body, _ := json.Marshal(values)
		for _, query := range []string{"?dry_run=true", ""} {
			got := w.ask("POST", "/api/v1/backup-jobs"+query, "application/json", string(body))
			if refused := strings.Contains(got.Body.String(), `"code":"`+c.want+`"`); c.want != "" && (got.Code != 422 || !refused) || c.want == "" && query != "" && got.Code != 200 {
				t.Errorf("%+v: %d %s", c, got.Code, got.Body)
			}
		}
		form := formOf(values)
		for _, path := range []string{"/backups/preview", "/backups"} {
			got := w.ask("POST", path, "application/x-www-form-urlencoded", form.Encode())
			if c.want != "" && (got.Code != 422 || !strings.Contains(summaryOf(got.Body.String()), "shadow copies")) {
				t.Errorf("%+v at %s: %d %s", c, path, got.Code, summaryOf(got.Body.String()))
			}
		}
		if c.want != "" && slices.Contains(w.actions(0), "CreateBackupJob") {
			t.Errorf("%+v: the cloud was asked for a job", c)
		}
	}
}

// TestLongListsAndTheirLimits proves that a request may list hundreds of volumes, and that the
// error for a body that is too large states the limit.
func TestLongListsAndTheirLimits(t *testing.T) {
	t.Parallel()
	var volumes []string
	for i := range 200 {
		volumes = append(volumes, strings.Replace(strings.Trim(vendorVolumes, "[]"), "674dac6d", fmt.Sprintf("674d%04d", i), 1))
	}
	list := "[" + strings.Join(volumes, ",") + "]"
	w := newWorld(t)
	values := least("CONTAINER", "ContainerResources", json.RawMessage(list))
	values["dry_run"] = true
	event, _ := json.Marshal(values)
	if answer, accepted, err := w.server.SubmitMessage(t.Context(), web.Message{Principal: tester, Key: "k", Body: event, Heard: true}); err != nil || !accepted {
		t.Errorf("an event: %.300s, %v", answer, err)
	}
	delete(values, "dry_run")
	body, _ := json.Marshal(values)
	if got := w.ask("POST", "/api/v1/backup-jobs?dry_run=true", "application/json", string(body)); got.Code != http.StatusOK {
		t.Errorf("JSON: %d %.300s", got.Code, got.Body)
	}
	values["ContainerResources"] = list
	form := formOf(values)
	form.Set("choice.ContainerResources", "json")
	if got := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", form.Encode()); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "674d0199") {
		t.Errorf("a form: %d %s", got.Code, summaryOf(got.Body.String()))
	}
	many := strings.Repeat(`"/a",`, 999) + `"/b"`
	paths, _ := json.Marshal(least("ECS_FILE", "Include", json.RawMessage("["+many+"]")))
	if got := w.ask("POST", "/api/v1/backup-jobs", "application/json", string(paths)); got.Code != 422 || !strings.Contains(got.Body.String(), "must be 8 lines or fewer") {
		t.Errorf("1,000 paths: %d %.300s", got.Code, got.Body)
	}
	for name, c := range map[string]struct{ method, path, media, body, want string }{
		"JSON":     {"POST", "/api/v1/backup-jobs", "application/json", strings.Repeat(" ", 257<<10), "at most 256 KB"},
		"a form":   {"POST", "/backups", "application/x-www-form-urlencoded", strings.Repeat("a", 257<<10), "at most 256 KB"},
		"a URL":    {"GET", "/api/v1/backup-jobs?Status=" + strings.Repeat("A", 3000), "", "", "at most 2 KB"},
		"controls": {"POST", "/backups", "application/x-www-form-urlencoded", strings.Repeat("&", 10) + controls(2001), "at most 2000"},
	} {
		if got := w.ask(c.method, c.path, c.media, c.body); got.Code < 413 || got.Code > 414 || !strings.Contains(got.Body.String(), c.want) {
			t.Errorf("%s: %d %.600s", name, got.Code, got.Body)
		}
	}
	_, _, err := w.server.SubmitMessage(t.Context(), web.Message{Principal: tester, Key: "k", Body: make([]byte, 257<<10), Heard: true})
	answer, accepted, _ := w.server.SubmitMessage(t.Context(), web.Message{Principal: tester, Key: "k", Body: make([]byte, 257<<10), Heard: true})
	if err != nil || accepted || !strings.Contains(string(answer), "at most 256 KB") {
		t.Errorf("a large event: %s, %v", answer, err)
	}
}

// controls returns a form with n different controls.
func controls(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("x%d=1", i))
	}
	return strings.Join(all, "&")
}

// TestCloudSentenceIsShown proves that the cloud's own error message is shown next to the
// portal's explanation, on the page and in the API, in both languages. It is escaped, and
// contains none of the portal's keys.
func TestCloudSentenceIsShown(t *testing.T) {
	for _, c := range []struct{ kind, name, value, want string }{
		{"CONTAINER", "ContainerResources", `[{"resourceType":"PV","backupMethod":"FILE","host":"<b>h"}]`, "ContainerResources: resourceId is missing"},
		{"UDM_ECS", "InstanceId", "i-bp1nosuch01", "i-bp1nosuch01"},
		{"ECS_FILE", "VaultId", "v-0001nosuch", "v-0001nosuch"},
		{"CONTAINER", "ContainerClusterId", "cc-0001nosuch", "cc-0001nosuch"},
		{"UDM_ECS", "Account", "locked", "says"},
	} {
		w := newWorld(t)
		body, _ := json.Marshal(least(c.kind, c.name, c.value))
		made := w.ask("POST", "/api/v1/backup-jobs", "application/json", string(body))
		var problem struct {
			Detail, Instance string
			Cloud            struct{ Message string }
		}
		if err := json.Unmarshal(made.Body.Bytes(), &problem); err != nil || problem.Cloud.Message == "" ||
			!strings.Contains(problem.Detail, " says: ") || !strings.Contains(problem.Detail, c.want) {
			t.Errorf("%s: %d %s", c.value, made.Code, made.Body)
			continue
		}
		id := problem.Instance[strings.LastIndex(problem.Instance, "/"):]
		for language, says := range map[string]string{"en": " says: ", "zh-CN": "返回："} {
			page := w.ask("GET", "/backups"+id, "", "", "Accept-Language", language).Body.String()
			if box := summaryOf(page); !strings.Contains(box, says+problem.Cloud.Message) {
				t.Errorf("%s: the page says %q, and not %q", c.value, box, problem.Cloud.Message)
			}
			if strings.Contains(page, "demo-portal-key") || strings.Contains(page, "demo-portal-secret") {
				t.Errorf("%s: a key is on the page", c.value)
			}
		}
	}
}

// TestSentenceOfThrottlingIsShown proves that if Cloud Backup throttles every attempt, the
// answer and the page of the form show its sentence.
func TestSentenceOfThrottlingIsShown(t *testing.T) {
	w := newWorld(t)
	if err := w.cloud.SetFaults("CreateBackupJob: throttle forever"); err != nil {
		t.Fatal(err)
	}
	made := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup)
	if made.Code != http.StatusServiceUnavailable || !strings.Contains(made.Body.String(), "Cloud Backup says: ") ||
		!strings.Contains(made.Body.String(), `"Code":"Throttling.User"`) {
		t.Errorf("%d %s", made.Code, made.Body)
	}
}
