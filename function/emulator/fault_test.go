package emulator

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"backupportal/function/emulator/fault"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
)

// faultCases has one case for each fault that changes the answer to CreateBackupJob: the answer
// that a client receives, and the effect. effect says whether a job was created; a test
// compares it with the ledger.
var faultCases = []struct {
	fault  string
	status int    // 0 if there is no answer
	code   any    // Code of a JSON answer; nil if the answer is not JSON
	err    error  // error of the client
	holds  string // text that the body contains
	effect bool
}{
	{fault: "ok", status: 200, code: "200", holds: `"Success":true`, effect: true},

	{fault: "html 502", status: 502, holds: "<h1>502 Bad Gateway</h1>"},
	{fault: "html-after 200", status: 200, holds: "<html>", effect: true},
	{fault: "html 404", status: 404, holds: "<html>"},
	{fault: "empty 503", status: 503},
	{fault: "empty-after 200", status: 200, effect: true},
	{fault: "redirect http://192.0.2.1/elsewhere", status: 307},
	{fault: "redirect", status: 307},
	{fault: "drop", err: io.EOF},
	{fault: "drop-after", err: io.EOF, effect: true},
	{fault: "reset", err: syscall.ECONNRESET},
	{fault: "reset-after", err: syscall.ECONNRESET, effect: true},

	{fault: "500", status: 500, code: "InternalError", holds: "HostId"},
	{fault: "500-after", status: 500, code: "InternalError", holds: "HostId", effect: true},
	{fault: "503", status: 503, code: "ServiceUnavailable", holds: "HostId"},
	{fault: "503-after", status: 503, code: "ServiceUnavailable", holds: "HostId", effect: true},
	{fault: "refuse 404 VaultNotExist", status: 404, code: "VaultNotExist", holds: "Recommend"},
	{fault: "refuse-after 500 InitVaultError", status: 500, code: "InitVaultError", effect: true},
	{fault: "success-false CrossAccountBackupSlrNotExist", status: 200, code: "CrossAccountBackupSlrNotExist", holds: `"Success":false`},
	{fault: "success-false-after InternalError", status: 200, code: "InternalError", holds: `"Success":false`, effect: true},
	{fault: "numeric-code", status: 400, code: json.Number("400"), holds: `"Code":400`},
	{fault: "throttle", status: 400, code: "Throttling.User"},
	{fault: "throttle-headers", status: 400, code: "Throttling.User"},
	{fault: "throttle-429", status: 429, code: "Throttling"},
	{fault: "throttle-rejected", status: 400, code: "Rejected.Throttling"},
	{fault: "expired", status: 403, code: "InvalidSecurityToken.Expired"},
	{fault: "signature-echo", status: 400, code: "SignatureDoesNotMatch", holds: "server string to sign is:POST&%2F&AccessKeyId%3Ddemo-portal-key"},
	{fault: "nonce-used", status: 400, code: "SignatureNonceUsed"},
	{fault: "nonce-used-after", status: 400, code: "SignatureNonceUsed", effect: true},

	{fault: "truncate", status: 200, err: io.ErrUnexpectedEOF, holds: `{"RequestId":"`, effect: true},
	{fault: "bad-json", status: 200, holds: `{"RequestId"="`, effect: true},
	{fault: "oversized", status: 200, code: "200", effect: true},
	{fault: "numeric-success", status: 200, code: json.Number("200"), holds: `"Success":true`, effect: true},
	{fault: "no-job-id", status: 200, code: "200", holds: `"Success":true`, effect: true},

	{fault: "latency 1ms", status: 200, code: "200", effect: true},
	{fault: "latency-after 1ms", status: 200, code: "200", effect: true},
	{fault: "latency 1ms + drop-after", err: io.EOF, effect: true},
	{fault: "500 + latency-after 1ms", status: 500, code: "InternalError"},
}

func TestAnswerOfEachFault(t *testing.T) {
	for _, tt := range faultCases {
		t.Run(tt.fault, func(t *testing.T) {
			w := newWire(t, "CreateBackupJob: "+tt.fault)
			got := w.create(t)
			if problem := errorMismatch(got.err, tt.err); problem != "" {
				t.Error(problem)
			}
			if got.status != tt.status || !strings.Contains(got.body, tt.holds) {
				t.Errorf("status %d, body %.300q", got.status, got.body)
			}
			if tt.code != nil && got.object(t)["Code"] != tt.code {
				t.Errorf("Code is %v in %.300q", got.object(t)["Code"], got.body)
			}
			if tt.code == nil && json.Valid([]byte(got.body)) {
				t.Errorf("%.300q is good JSON", got.body)
			}
			call, jobs := w.lastCall(t), len(w.Ledger().Jobs)
			if call.Effect != tt.effect || (jobs == 1) != tt.effect || (call.JobID != "") != tt.effect {
				t.Errorf("effect %v with job %q and %d jobs, want %v", call.Effect, call.JobID, jobs, tt.effect)
			}
			if call.Fault != tt.fault || call.Status != tt.status {
				t.Errorf("the ledger has the fault %q and status %d", call.Fault, call.Status)
			}
			if left := w.Faults(); left != "" {
				t.Errorf("left is %q", left)
			}
			if after := w.create(t); after.status != 200 || after.err != nil || w.lastCall(t).Fault != "" {
				t.Errorf("the call after it got %d, %v", after.status, after.err)
			}
		})
	}
}

// TestEveryFaultIsTested proves that every kind of fault occurs in a test that checks what the
// client receives.
func TestEveryFaultIsTested(t *testing.T) {
	seen := map[string]bool{"hang": true, "hang-after": true} // tested by TestHangLastsUntilClientDisconnects
	for _, tt := range faultCases {
		for choice := range strings.SplitSeq(tt.fault, " + ") {
			name, _, _ := strings.Cut(choice, " ")
			seen[name] = true
		}
	}
	for _, kind := range fault.Kinds {
		if kind.Stage == fault.InList {
			continue // tested in faultlist_test.go
		}
		if !seen[kind.Name] || kind.Twin && !seen[kind.Name+fault.AfterSuffix] {
			t.Errorf("nobody looks at %s", kind.Name)
		}
	}
}

func TestProxyAnswersHaveNoCloudHeaders(t *testing.T) {
	w := newWire(t, "*: html 502, empty 503, redirect, throttle-headers, ok")
	for _, want := range []map[string]string{
		{"Content-Type": "text/html; charset=utf-8", "X-Acs-Request-Id": ""},
		{"Content-Type": "", "Content-Length": "0", "X-Acs-Request-Id": ""},
		{"Location": "/", "X-Acs-Request-Id": ""},
		{"X-Ratelimit-User-Api": "Limit:1,Remain:0,TimeLeft:2000,Reset:1234"},
		{"X-Ratelimit-User-Api": "", "Content-Type": "application/json;charset=utf-8"},
	} {
		got := w.create(t)
		for name, value := range want {
			if got.header.Get(name) != value {
				t.Errorf("%d has %s %q, want %q", got.status, name, got.header.Get(name), value)
			}
		}
	}
}

func TestOversizedAnswerStartsWithBlanks(t *testing.T) {
	w := newWire(t, "*: oversized")
	got := w.create(t)
	if len(got.body) < fault.OversizedBody || strings.Trim(got.body[:fault.OversizedBody], "{ ") != "" {
		t.Errorf("%d bytes that begin with %.20q", len(got.body), got.body)
	}
	if id := got.object(t)["JobId"]; id != w.lastCall(t).JobID {
		t.Errorf("JobId is %v", id)
	}
}

func TestNoJobIDKeepsOtherMembers(t *testing.T) {
	w := newWire(t, "CreateBackupJob: no-job-id")
	object := w.create(t).object(t)
	if _, ok := object["JobId"]; ok || len(object) != 4 {
		t.Errorf("the answer is %v", object)
	}
}

// TestSignatureEchoContainsToken proves that with the fault signature-echo the message of the
// refusal contains everything that was signed, including the secret token. The vendor's real
// refusal does the same, so a client must not log it.
func TestSignatureEchoContainsToken(t *testing.T) {
	w := newWire(t, "GetCallerIdentity: signature-echo")
	role := w.assume(t, portal, nil)
	a := w.call(t, role, "GetCallerIdentity", nil)
	if !strings.Contains(a.message(), sign.PercentEncode(sign.PercentEncode(role.token))) {
		t.Errorf("the message is %s", a.message())
	}
}

func TestRedirectKeepsMethodAndBody(t *testing.T) {
	elsewhere := newWire(t, "")
	w := newWire(t, "*: redirect "+elsewhere.url+", redirect x2")
	w.client.CheckRedirect = nil // nil makes the client follow redirects, as Go's client does by default
	if got := w.create(t); got.status != 200 || len(elsewhere.Ledger().Jobs) != 1 {
		t.Errorf("to another listener: %d, %d jobs there", got.status, len(elsewhere.Ledger().Jobs))
	}
	if len(w.Ledger().Jobs) != 0 {
		t.Error("a redirected request had an effect")
	}
	// The redirected request did not use up the nonce, so the repeated request is valid.
	if got := w.create(t); got.status != 200 || len(w.Ledger().Jobs) != 1 || len(w.Ledger().Calls) != 4 {
		t.Errorf("to itself: %d after %d calls", got.status, len(w.Ledger().Calls))
	}
}

// TestFaultOrderAmongChecks proves when a fault is applied. A network fault also applies to a
// request with a wrong signature. A gateway fault applies only after the signature was
// accepted, so a request with a wrong signature leaves it for the next request.
func TestFaultOrderAmongChecks(t *testing.T) {
	w := newWire(t, "*: throttle, empty 503, 500")
	p := w.signed("CreateBackupJob", instanceOrder())
	bad := with(p, rpc.Params{"Signature": "wrong"})
	for n, tt := range []struct {
		sent   rpc.Params
		status int
		code   string
		fault  string
	}{
		{bad, 400, "SignatureDoesNotMatch", ""},
		{p, 400, "Throttling.User", "throttle"},
		{bad, 503, "", "empty 503"},
		{bad, 400, "SignatureNonceUsed", ""},
		{w.signed("DeleteEverything", nil), 404, "InvalidApi.NotFound", ""},
		{w.signed("AssumeRole", nil), 500, "InternalError", "500"},
	} {
		got, call := w.post(t, tt.sent), w.lastCall(t)
		if got.status != tt.status || call.Code != tt.code || call.Fault != tt.fault {
			t.Errorf("call %d got %d %q with the fault %q", n+1, got.status, call.Code, call.Fault)
		}
	}
}

func TestFaultsAndNonces(t *testing.T) {
	for fault, want := range map[string]string{"drop": "", "drop-after": "SignatureNonceUsed", "503": "SignatureNonceUsed"} {
		w := newWire(t, "*: "+fault)
		p := w.signed("CreateBackupJob", instanceOrder())
		w.post(t, p)
		w.post(t, p)
		if got := w.lastCall(t).Code; got != want {
			t.Errorf("after %s the same request got %q, want %q", fault, got, want)
		}
	}
}

// TestLostRefusalHasNoEffect proves for a fault "-after" (the operation is performed, then the
// answer is lost or changed) that it also changes the answer to a request that the operation
// refuses. Such a request creates no job.
func TestLostRefusalHasNoEffect(t *testing.T) {
	w := newWire(t, "*: drop-after, numeric-success")
	for _, want := range []error{io.EOF, nil} {
		got := w.post(t, w.signed("CreateBackupJob", nil))
		if problem := errorMismatch(got.err, want); problem != "" {
			t.Error(problem)
		}
		if w.lastCall(t).Effect || len(w.Ledger().Jobs) > 0 {
			t.Error("it had an effect")
		}
		if want == nil && got.object(t)["Code"] != "MissingSourceType" {
			t.Errorf("the refusal became %s", got.body)
		}
	}
}

func TestControlFaults(t *testing.T) {
	w := newWire(t, "")
	control := func(method, body, origin string) clientView {
		r, err := http.NewRequestWithContext(t.Context(), method, w.url+"/_emulator/faults", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		resp, err := w.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return clientView{resp.StatusCode, resp.Header, string(text), err}
	}
	for n, tt := range []struct {
		method, body, origin string
		status               int
		want                 string
	}{
		{"GET", "", "", 200, "\n"},
		{"POST", "*:ok,drop  x2 ", "", 200, "*: ok, drop x2\n"},
		{"POST", "*: ok, drip", "", 400, "column 8: there is no fault \"drip\"\n"},
		{"POST", "", "http://evil.example", 403, "cross-origin request detected"},
		{"POST", strings.Repeat(" ", maxFaultSchedule+1), "", 400, "the schedule could not be read, or is longer than 64 KiB\n"},
		{"GET", "", "", 200, "*: ok, drop x2\n"},
		{"POST", "AssumeRole: 500", "", 200, "AssumeRole: 500\n"},
		{"POST", "", "", 200, "\n"},
	} {
		if got := control(tt.method, tt.body, tt.origin); got.status != tt.status || !strings.HasPrefix(got.body, tt.want) {
			t.Errorf("%d: %s %.20q answered %d %q", n, tt.method, tt.body, got.status, got.body)
		}
	}
	if err := w.SetFaults("*: drop forever"); err != nil {
		t.Fatal(err)
	}
	w.Reset()
	if got := w.create(t); got.status != 200 || w.Faults() != "" {
		t.Errorf("a reset leaves %q, and a call gets %d", w.Faults(), got.status)
	}
}
