package web_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/backup"
	"backupportal/web"
)

// TestRefusedListsShowTheCloudSentence proves that the answer to a list that the cloud refuses
// has the message of the service that refused, in both languages.
func TestRefusedListsShowTheCloudSentence(t *testing.T) {
	const ecs, hbr = "Elastic Compute Service says: ", "Cloud Backup says: "
	for _, c := range []struct{ fault, path, says string }{
		{"DescribeVaults: refuse 403 NoPermission", "demo/vaults?Region=cn-hangzhou", hbr},
		{"DescribeContainerCluster: refuse 403 NoPermission", "demo/clusters?Region=cn-hangzhou", hbr},
		{"DescribeContainerResource: refuse 403 NoPermission", "demo/volumes?Region=cn-hangzhou&ClusterId=cc-0001democluster", hbr},
		{"DescribeInstances: refuse 403 Forbidden.RAM", "demo/instances?Region=cn-hangzhou", ecs},
		{"DescribeDisks: refuse 403 Forbidden.RAM", "demo/disks?Region=cn-hangzhou&InstanceId=i-bp1demoweb01", ecs},
		{"", "locked/vaults?Region=cn-hangzhou", "Security Token Service says: "},
	} {
		w := newWorld(t)
		for language, says := range map[string]string{"en": c.says, "zh-CN": "返回："} {
			if err := w.cloud.SetFaults(c.fault); err != nil {
				t.Fatal(err)
			}
			answer := w.ask("GET", "/api/v1/accounts/"+c.path, "", "", "Accept-Language", language)
			var problem web.Problem
			if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil || answer.Code != 502 ||
				problem.Type != "urn:backup-portal:problem:not-listed" || problem.Cloud == nil || problem.Cloud.Message == "" {
				t.Errorf("%s: %d %s", c.path, answer.Code, answer.Body)
				continue
			}
			if !strings.Contains(problem.Detail, says+problem.Cloud.Message) {
				t.Errorf("%s: the detail is %q, without %q", c.path, problem.Detail, says+problem.Cloud.Message)
			}
		}
	}
}

// TestFailedAccessChecksShowTheCloudSentence proves that a failed access check shows the
// operation and the cloud's own message, in the API and on the page.
func TestFailedAccessChecksShowTheCloudSentence(t *testing.T) {
	for _, c := range []struct{ fault, query, operation string }{
		{"DescribeVaults: refuse 403 NoPermission", "demo?Region=cn-hangzhou", "hbr:DescribeVaults"},
		{"DescribeInstances: refuse 403 Forbidden.RAM", "demo?Region=cn-hangzhou&InstanceId=i-bp1demoweb01", "ecs:DescribeInstances"},
		{"CheckRole: refuse 403 NoPermission", "demo?Region=cn-hangzhou", "hbr:CheckRole"},
		{"", "locked?Region=cn-hangzhou", "sts:AssumeRole"},
	} {
		w := newWorld(t)
		if err := w.cloud.SetFaults(c.fault); err != nil {
			t.Fatal(err)
		}
		alias, query, _ := strings.Cut(c.query, "?")
		answer := w.ask("GET", "/api/v1/accounts/"+alias+"/preflight?"+query, "", "")
		var got web.Preflight
		if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if err := w.cloud.SetFaults(c.fault); err != nil {
			t.Fatal(err)
		}
		page, err := goquery.NewDocumentFromReader(w.ask("GET", "/access?Account="+alias+"&"+query, "", "").Body)
		if err != nil {
			t.Fatal(err)
		}
		shown := 0
		for _, check := range got.Checks {
			message := check.Evidence["Message"]
			if check.State != "failed" || check.Evidence["Operation"] != c.operation || message == "" {
				continue
			}
			shown++
			text := page.Find("#check-" + strings.ReplaceAll(check.ID, ":", "-")).Text()
			if !strings.Contains(text, message) || !strings.Contains(text, c.operation) {
				t.Errorf("%s: the page says %q, without %q", check.ID, text, message)
			}
		}
		if shown == 0 {
			t.Errorf("%s: no failed check of %s has a sentence: %s", c.query, c.operation, answer.Body)
		}
	}
}

// A mistrustful cloud is a cloud whose certificate the portal does not trust.
type mistrustful struct{ backup.Cloud }

func (mistrustful) CreateBackupJob(context.Context, backup.Call) (backup.Created, error) {
	return backup.Created{}, &backup.CloudError{
		Action: "CreateBackupJob", Outcome: backup.ErrNotSent, Cause: backup.CauseCertificate,
	}
}

// TestCertificateThatIsNotTrustedIsNamed proves that if no trusted root has signed the cloud's
// certificate, the answer of each door and the page of the submission say so, and name the
// setting.
func TestCertificateThatIsNotTrustedIsNamed(t *testing.T) {
	w := newWorld(t)
	w.server.Backups.Cloud = mistrustful{w.server.Backups.Cloud}
	for language, says := range map[string]string{"en": "does not trust the certificate", "zh-CN": "不信任云端点的证书"} {
		made := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Accept-Language", language)
		var problem web.Problem
		if err := json.Unmarshal(made.Body.Bytes(), &problem); err != nil || made.Code != 503 || problem.Cloud != nil ||
			!strings.Contains(problem.Detail, says) || !strings.Contains(problem.Detail, "CLOUD_CA_FILE") {
			t.Errorf("API: %d %s", made.Code, made.Body)
		}
		form := formOf(leasts["UDM_ECS"])
		form.Set("key", "k-"+language)
		page := w.ask("POST", "/backups", "application/x-www-form-urlencoded", form.Encode(), "Accept-Language", language)
		if page.Code != 503 || !strings.Contains(page.Body.String(), says) || !strings.Contains(page.Body.String(), "CLOUD_CA_FILE") {
			t.Errorf("form: %d %s", page.Code, page.Body)
		}
		status := w.ask("GET", "/backups"+problem.Instance[strings.LastIndex(problem.Instance, "/"):], "", "", "Accept-Language", language)
		if !strings.Contains(status.Body.String(), says) {
			t.Errorf("status page: %d %s", status.Code, status.Body)
		}
	}
	answer, accepted, err := w.server.SubmitMessage(t.Context(), event(oneBackup, "k"))
	if err == nil || accepted {
		t.Errorf("event: %s, %v", answer, err)
	}
}
