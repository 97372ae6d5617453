package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestAnswersToManyMistakesAreShort proves that a request of 64 KB in which every value is
// wrong gets an answer of only a few KB. It tests every way of submitting that reports
// mistakes.
func TestAnswersToManyMistakesAreShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var members []string
	for i := range 4000 {
		members = append(members, fmt.Sprintf(`"x%d":1`, i))
	}
	unknown := "{" + strings.Join(members, ",") + "}"
	lines := `{"Account":"demo","Region":"cn-hangzhou","SourceType":"ECS_FILE","InstanceId":"i-bp1demoweb01","VaultId":"v-0001demovault01","Retention":7,"Include":[` +
		strings.Repeat(`"a",`, 12000) + `"a"]}`
	windows := `{"Account":"demo","Region":"cn-hangzhou","SourceType":"ECS_FILE","InstanceId":"i-bp1demoweb01","VaultId":"v-0001demovault01","Retention":7,"SpeedLimit":"` +
		strings.Repeat("0:1:1|", 8000) + `0:1:1"}`
	volumes := `{"Account":"demo","Region":"cn-hangzhou","SourceType":"CONTAINER","ContainerClusterId":"cc-0001democluster","VaultId":"v-0001demovault01","Retention":7,"ContainerResources":[` +
		strings.Repeat(`{},`, 10000) + `{}]}`
	for name, body := range map[string]string{"unknown names": unknown, "lines": lines, "windows": windows, "volumes": volumes} {
		for _, query := range []string{"", "?dry_run=true"} {
			answer := w.ask("POST", "/api/v1/backup-jobs"+query, "application/json", body)
			var p struct {
				Detail string
				Errors []struct{ Field, Code, Detail string }
			}
			if err := json.Unmarshal(answer.Body.Bytes(), &p); err != nil || answer.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d, %v", name, answer.Code, err)
			}
			if len(p.Errors) == 0 || len(p.Errors) > 100 || answer.Body.Len() > 40<<10 {
				t.Errorf("%s: %d errors in %d bytes", name, len(p.Errors), answer.Body.Len())
			}
			if cut := len(p.Errors) == 100; cut != strings.Contains(p.Detail, " more.") || !cut && name != "windows" {
				t.Errorf("%s: %d errors, %q", name, len(p.Errors), p.Detail)
			}
		}
	}
	form := url.Values{"SourceType": {"ECS_FILE"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}, "VaultId": {"v-0001demovault01"},
		"Retention": {"7"}, "Include": {strings.Repeat("a\n", 8000)}, "op": {"check"}, "key": {"k"}}
	for _, path := range []string{"/backups/preview", "/backups"} {
		answer := w.ask("POST", path, "application/x-www-form-urlencoded", form.Encode())
		if page := answer.Body.String(); answer.Code != http.StatusUnprocessableEntity || !strings.Contains(page, " more") || strings.Count(page, "repeats line")+strings.Count(page, "must begin with") > 300 {
			t.Errorf("%s: %d, %d bytes", path, answer.Code, answer.Body.Len())
		}
	}
	if got := w.others(0); len(got) != 0 {
		t.Errorf("calls of the cloud: %v", got)
	}
}
