package emulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/fault"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
	"backupportal/function/emulator/world"
)

func TestLedgerRecordsCallsAndJobs(t *testing.T) {
	f := newFixture(t)
	role := f.assume(t, portal, nil)
	order := with(instanceOrder(), rpc.Params{"InstanceId": "i-bp2demopay01", "JobName": "pay 1&2", "Retenton": "9"})
	id := f.create(t, role, order)
	f.clock.advance(11 * time.Second)

	ledger := f.Ledger()
	got := ledger.CallsOf("CreateBackupJob")
	want := []Call{{
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Product: "hbr", Version: api.HBRVersion, Action: "CreateBackupJob",
		Method: "POST", Host: "example.com", Region: "cn-hangzhou",
		Caller: Caller{ARN: "acs:ram::2000000000000002:assumed-role/backup-operator/alice@example.com",
			AccountID: world.DemoPaymentsAccount, AccessKeyID: role.id, Session: "alice@example.com"},
		Parameters: order, InQuery: []string{}, Unknown: []string{"Retenton"}, Status: 200, JobID: id, Effect: true,
	}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Call{}, "Common", "RequestID")); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	wantJobs := []Job{{
		ID: id, Name: "pay 1&2", AccountID: world.DemoPaymentsAccount, Region: "cn-hangzhou", SourceType: "UDM_ECS",
		InstanceID: "i-bp2demopay01", Status: "RUNNING", Progress: 5000, CreatedAt: want[0].Time,
		CreatedBy: want[0].Caller.ARN, RequestID: got[0].RequestID, Parameters: order,
	}}
	if diff := cmp.Diff(wantJobs, ledger.Jobs); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
}

func TestLedgerRecordsRefusedCalls(t *testing.T) {
	f := newFixture(t)
	f.call(t, keys{id: world.DemoKey, secret: "wrong"}, "CreateBackupJob", instanceOrder())
	f.call(t, portal, "CreateBackupJob", with(instanceOrder(), rpc.Params{"Retention": ""}))
	f.call(t, portal, "DeleteEverything", nil)
	var got []string
	for _, c := range f.Ledger().Calls {
		got = append(got, c.Action+" "+c.Code+" "+c.Caller.ARN)
	}
	want := []string{
		"CreateBackupJob SignatureDoesNotMatch ",
		"CreateBackupJob MissingRetention acs:ram::1000000000000001:user/portal",
		"DeleteEverything InvalidApi.NotFound ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestLedgerHidesSecrets(t *testing.T) {
	f := newFixture(t, rolesOfEveryKind)
	role := f.assume(t, portal, rpc.Params{"RoleArn": paymentsRole("locked"), "ExternalId": "open-sesame"})
	p := f.common(role, "GetCallerIdentity")
	p["Signature"] = sign.Signature(role.secret, sign.StringToSign("POST", p))
	f.send(t, p)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/_emulator/ledger", nil))
	for name, secret := range map[string]string{
		"signature": p["Signature"], "token": role.token, "secret": role.secret,
		"external id": "open-sesame", "secret of the user": world.DemoSecret,
	} {
		if strings.Contains(w.Body.String(), secret) {
			t.Errorf("the ledger has the %s", name)
		}
	}
	last := f.Ledger().Calls[1]
	if last.Common["Signature"] != Hidden || last.Common["SecurityToken"] != Hidden {
		t.Errorf("the ledger does not say that secrets were sent: %v", last.Common)
	}
}

func TestLedgerNamesQueryParameters(t *testing.T) {
	f := newFixture(t)
	p := f.common(portal, "DescribeBackupJobs2")
	p["SourceType"], p["PageSize"] = "UDM_ECS", "5"
	p["Signature"] = sign.Signature(world.DemoSecret, sign.StringToSign("GET", p))
	f.do(t, httptest.NewRequest(http.MethodGet, "/?"+encodeQuery(p), nil))
	if diff := cmp.Diff([]string{"PageSize", "SourceType"}, f.Ledger().Calls[0].InQuery); diff != "" {
		t.Error(diff)
	}
}

func TestControlLedgerAndReset(t *testing.T) {
	f := newFixture(t)
	role := f.assume(t, portal, nil)
	f.create(t, portal, instanceOrder())
	control := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest(method, "http://127.0.0.1:9100"+path, nil))
		return w
	}
	sizes := func() (calls, jobs int) {
		var ledger struct{ Calls, Jobs []map[string]any }
		if err := json.Unmarshal(control("GET", "/_emulator/ledger").Body.Bytes(), &ledger); err != nil {
			t.Fatal(err)
		}
		if ledger.Calls == nil || ledger.Jobs == nil {
			t.Error("an empty list is null")
		}
		return len(ledger.Calls), len(ledger.Jobs)
	}
	if calls, jobs := sizes(); calls != 2 || jobs != 1 {
		t.Errorf("%d calls, %d jobs", calls, jobs)
	}
	if w := control("POST", "/_emulator/reset"); w.Code != http.StatusNoContent {
		t.Errorf("reset answered %d", w.Code)
	}
	if calls, jobs := sizes(); calls != 0 || jobs != 0 {
		t.Errorf("after the reset %d calls, %d jobs", calls, jobs)
	}
	if a := f.call(t, role, "GetCallerIdentity", nil); a.status != 200 {
		t.Errorf("the reset took credentials away: %v", a.body)
	}
	for path, want := range map[string]int{"/_emulator/reset": 405, "/_emulator/none": 404} {
		if w := control("GET", path); w.Code != want {
			t.Errorf("GET %s answered %d, want %d", path, w.Code, want)
		}
	}
}

func TestLedgerQueryFilters(t *testing.T) {
	f := newFixture(t)
	f.create(t, portal, instanceOrder())
	f.assume(t, portal, nil)
	f.clock.advance(time.Minute)
	f.create(t, portal, instanceOrder())
	for _, tt := range []struct {
		query       string
		calls, jobs int
	}{
		{"", 3, 2},
		{"?action=CreateBackupJob", 2, 2},
		{"?since=2026-01-02T03:04:06Z", 1, 1},
		{"?since=2026-01-02T03:05:05Z", 1, 1},
		{"?since=2026-01-02T04:05:05.5%2B01:00", 0, 0},
		{"?since=2026-01-02T03:04:06Z&action=AssumeRole", 0, 1},
	} {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/_emulator/ledger"+tt.query, nil))
		var got Ledger
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Calls) != tt.calls || len(got.Jobs) != tt.jobs {
			t.Errorf("%q: %d calls, %d jobs, error %v", tt.query, len(got.Calls), len(got.Jobs), err)
		}
	}
	for _, query := range []string{"?since=yesterday", "?Action=AssumeRole", "?action=CreateBackup", "?action=%zz",
		"?action=AssumeRole;", "?action=AssumeRole&action=CreateBackupJob"} {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/_emulator/ledger"+query, nil))
		if w.Code != http.StatusBadRequest {
			t.Errorf("%q answered %d", query, w.Code)
		}
	}
}

func TestJournalRemovesOldestCalls(t *testing.T) {
	var l journal
	for range maxCalls {
		l.add(&entry{reply: fault.Reply{Code: "old"}})
	}
	l.add(&entry{reply: fault.Reply{Code: "new"}})
	calls := l.since(time.Time{}, "")
	if len(calls) != maxCalls || calls[maxCalls-1].Code != "new" {
		t.Errorf("%d calls, the last is %q", len(calls), calls[len(calls)-1].Code)
	}
	l.add(&entry{reply: fault.Reply{Code: "huge"}, size: maxCallBytes})
	if calls := l.since(time.Time{}, ""); calls[len(calls)-1].Code != "huge" {
		t.Errorf("a huge call is gone")
	}
	l.add(&entry{size: 1})
	if calls := l.since(time.Time{}, ""); len(calls) != 1 {
		t.Errorf("%d calls are kept beside more bytes than may be", len(calls))
	}
}

// TestControlRefusesOtherHosts proves that the emulator's own routes refuse a request with a
// foreign host name. In a DNS rebinding attack, a web page makes its own host name resolve to
// this machine and sends such requests.
func TestControlRefusesOtherHosts(t *testing.T) {
	f := newFixture(t)
	for host, want := range map[string]int{
		"localhost": 200, "localhost:9100": 200, "127.0.0.1:9100": 200, "[::1]:9100": 200, "192.168.1.7": 200, "hbr.localhost": 200,
		"evil.example": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example:9100": 421,
	} {
		r := httptest.NewRequest(http.MethodGet, "/_emulator/ledger", nil)
		r.Host = host
		w := httptest.NewRecorder()
		if f.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%s: got %d, want %d", host, w.Code, want)
		}
	}
}
