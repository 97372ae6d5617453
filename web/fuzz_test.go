package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzPreview proves that no posted form causes an internal error. It shows the page after the
// form, which starts no backup.
func FuzzPreview(f *testing.F) {
	for _, body := range []string{
		"op=check&SourceType=UDM_ECS&Account=demo&Region=cn-hangzhou&InstanceId=i-1&Retention=7&choice.Detail.appConsistent=scripts",
		"op=add:SpeedLimit&SourceType=ECS_FILE&SpeedLimit.11.start=1&SpeedLimit.0.end=24",
		"op=remove:ContainerResources:7&SourceType=CONTAINER&ContainerResources.7.pvPath=/",
		"op=lang:zh-CN&at=check&key=k&SourceType=CONTAINER&ContainerResources=[{]",
		"op=edit:what&SourceType=ECS_FILE&choice.SpeedLimit=hours&SpeedLimit=0:24:NaN&Include=%0a%00",
		"op=draw:SpeedLimit&Retention=%zz",
	} {
		f.Add(body)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/backups/preview", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer := httptest.NewRecorder()
		w.handler.ServeHTTP(answer, r)
		if answer.Code >= http.StatusInternalServerError || !strings.Contains(answer.Body.String(), "<h1") {
			t.Errorf("status %d:\n%s", answer.Code, answer.Body)
		}
		if jobs := len(w.cloud.Ledger().Jobs); jobs != 0 {
			t.Errorf("%d jobs", jobs)
		}
	})
}
