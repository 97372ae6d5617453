package emulator

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
	"backupportal/function/emulator/world"
)

// invoke returns a signed request of InvokeFunction. change edits it before it is signed.
func (f *fixture) invoke(path, task, event string, change func(*http.Request)) *http.Request {
	f.nonce++
	r := httptest.NewRequest(http.MethodPost, "http://fcv3.cn-hangzhou.aliyuncs.com"+path, strings.NewReader(event))
	for name, v := range map[string]string{
		"x-acs-action": "InvokeFunction", "x-acs-version": api.FCVersion, "x-acs-date": f.clock.Now().Format(rpc.TimestampLayout),
		"x-acs-signature-nonce": strconv.Itoa(f.nonce), "x-acs-content-sha256": sign.HexSHA256(event),
		"x-fc-invocation-type": "Async", "x-fc-async-task-id": task,
	} {
		r.Header.Set(name, v)
	}
	if change != nil {
		change(r)
	}
	signRequestV3(r, portal, event)
	return r
}

// TestInvokeFunctionCallsTheFunction proves that an asynchronous invocation is delivered with its event, again after an
// error, and once for each task.
func TestInvokeFunctionCallsTheFunction(t *testing.T) {
	allow := func(w *world.World) {
		w.Accounts[0].Users[0].Permissions = append(w.Accounts[0].Users[0].Permissions, ram.Statement{
			Effect: "Allow", Actions: []string{"fc:InvokeFunction"}, Resources: []string{"acs:fc:*:*:functions/work", "acs:fc:*:*:functions/nobody"},
		})
	}
	const path = "/2023-03-30/functions/work/invocations"
	f := newFixture(t, allow)
	events := make(chan string, 9)
	f.functions.byName = map[string]Function{
		"work": func(_ context.Context, event []byte, retry int) error {
			events <- string(event) + strconv.Itoa(retry)
			if retry < 2 && string(event) == `{"a":[1]}` {
				return errors.New("of the test")
			}
			return nil
		},
		"other": func(context.Context, []byte, int) error { t.Error("called without a permission"); return nil },
	}
	for name, c := range map[string]struct {
		path, task string
		change     func(*http.Request)
		status     int
		code       string
	}{
		"stored":        {path, "batch-1", nil, 202, ""},
		"no permission": {"/2023-03-30/functions/other/invocations", "t", nil, 403, "NoPermission"},
		"no function":   {strings.Replace(path, "work", "nobody", 1), "t", nil, 404, "FunctionNotFound"},
		"no task id":    {path, "1-begins-with-a-digit", nil, 400, "InvalidArgument"},
		"synchronous":   {path, "t", func(r *http.Request) { r.Header.Set("x-fc-invocation-type", "Sync") }, 400, "InvalidArgument"},
		"another path":  {"/2023-03-30/functions/work", "t", nil, 404, "InvalidApi.NotFound"},
		"wrong body":    {path, "t", func(r *http.Request) { r.Header.Set("x-acs-content-sha256", sign.HexSHA256("other")) }, 400, "SignatureDoesNotMatch"},
	} {
		answer := httptest.NewRecorder()
		f.ServeHTTP(answer, f.invoke(c.path, c.task, `{"a":[1]}`, c.change))
		if answer.Code != c.status || !strings.Contains(answer.Body.String(), c.code) {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
	}
	again := httptest.NewRecorder()
	f.ServeHTTP(again, f.invoke(path, "batch-1", `{"a":[1]}`, nil))
	if again.Code != http.StatusConflict {
		t.Errorf("the task again: %d %s", again.Code, again.Body)
	}
	f.WaitForFunctions()
	close(events)
	var all []string
	for e := range events {
		all = append(all, e)
	}
	if got := strings.Join(all, " "); got != `{"a":[1]}0 {"a":[1]}1 {"a":[1]}2` {
		t.Errorf("delivered %s", got)
	}
}
