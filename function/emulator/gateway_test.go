package emulator

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
	"backupportal/function/emulator/world"
)

// usedFixture returns an emulator as it is after 15 minutes of use: it has two valid sessions,
// an expired session, and a nonce that was just used.
func usedFixture(t *testing.T) (f *fixture, role, other, old keys, nonce string) {
	t.Helper()
	f = newFixture(t)
	role, other = f.assume(t, portal, nil), f.assume(t, portal, nil)
	old = f.assume(t, portal, rpc.Params{"DurationSeconds": "900"})
	f.clock.advance(901 * time.Second)
	p := f.common(portal, "DescribeBackupJobs2")
	p["Signature"] = sign.Signature(world.DemoSecret, sign.StringToSign("POST", p))
	if a := f.send(t, p); a.status != 200 {
		t.Fatalf("a good request was refused: %v", a.body)
	}
	return f, role, other, old, p["SignatureNonce"]
}

// TestGatewayReportsFirstMistake proves the order in which a request is checked. The request of
// each case also has the mistakes of all later cases, but the answer reports only the first
// mistake.
func TestGatewayReportsFirstMistake(t *testing.T) {
	f, role, other, old, nonce := usedFixture(t)
	temporary := rpc.Params{"AccessKeyId": role.id, "SecurityToken": role.token}

	for _, tt := range []struct {
		name   string
		change rpc.Params
		status int
		code   string
	}{
		{"unknown action", rpc.Params{"Action": "DeleteEverything", "Version": "x"}, 404, "InvalidApi.NotFound"},
		{"no action", rpc.Params{"Action": "", "Version": "x"}, 404, "InvalidApi.NotFound"},
		{"version of another product", rpc.Params{"Version": api.STSVersion, "AccessKeyId": "nobody"}, 400, "InvalidVersion"},
		{"a format that is not spoken", rpc.Params{"Format": "XML", "AccessKeyId": "nobody"}, 400, "InvalidParameter"},
		{"unknown access key", rpc.Params{"AccessKeyId": "nobody", "SignatureMethod": "x"}, 404, "InvalidAccessKeyId.NotFound"},
		{"temporary key alone", with(temporary, rpc.Params{"SecurityToken": "", "SignatureMethod": "x"}), 400, "MissingSecurityToken"},
		{"token of nobody", with(temporary, rpc.Params{"SecurityToken": "made up"}), 403, "InvalidSecurityToken.Malformed"},
		{"token that ended", rpc.Params{"AccessKeyId": old.id, "SecurityToken": old.token, "SignatureMethod": "x"}, 403, "InvalidSecurityToken.Expired"},
		{"token of another key", with(temporary, rpc.Params{"SecurityToken": other.token}), 403, "InvalidSecurityToken.MismatchWithAccessKey"},
		{"token beside the key of a user", rpc.Params{"SecurityToken": role.token}, 403, "InvalidSecurityToken.MismatchWithAccessKey"},
		{"signature method", rpc.Params{"SignatureMethod": "HMAC-SHA256", "Timestamp": "x"}, 400, "InvalidSignatureMethod"},
		{"signature version", rpc.Params{"SignatureVersion": "2.0", "Timestamp": "x"}, 400, "InvalidSignatureMethod"},
		{"bearer token", rpc.Params{"SignatureType": "BEARERTOKEN", "Timestamp": "x"}, 400, "InvalidSignatureMethod"},
		{"timestamp of another form", rpc.Params{"Timestamp": "2026-01-02 03:04:05", "SignatureNonce": nonce}, 400, "InvalidTimeStamp.Format"},
		{"timestamp with a fraction", rpc.Params{"Timestamp": "2026-01-02T03:04:05.5Z", "SignatureNonce": nonce}, 400, "InvalidTimeStamp.Format"},
		{"timestamp too old", rpc.Params{"Timestamp": "2026-01-02T03:04:05Z", "SignatureNonce": nonce}, 400, "InvalidTimeStamp.Expired"},
		{"timestamp too new", rpc.Params{"Timestamp": "2026-01-02T03:34:08Z", "SignatureNonce": nonce}, 400, "InvalidTimeStamp.Expired"},
		{"no nonce", rpc.Params{"SignatureNonce": ""}, 400, "MissingSignatureNonce"},
		{"nonce used before", rpc.Params{"SignatureNonce": nonce}, 400, "SignatureNonceUsed"},
		{"signature", rpc.Params{"RegionId": "atlantis"}, 400, "SignatureDoesNotMatch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := f.common(portal, "DescribeBackupJobs2")
			maps.Copy(p, tt.change)
			p["Signature"] = "wrong"
			if tt.name != "signature" {
				p["PageSize"] = "wrong too"
			}
			a := f.send(t, p)
			if a.status != tt.status || a.code() != tt.code {
				t.Errorf("got %d %s (%s), want %d %s", a.status, a.code(), a.message(), tt.status, tt.code)
			}
			for _, name := range []string{"RequestId", "HostId", "Message", "Recommend"} {
				if s, _ := a.body[name].(string); s == "" {
					t.Errorf("the refusal has no %s", name)
				}
			}
		})
	}
}

func TestSignedInvalidRequestsAreRefused(t *testing.T) {
	f := newFixture(t, func(w *world.World) {
		w.Accounts[0].Users = append(w.Accounts[0].Users, world.User{
			Name: "reader", AccessKeys: []world.AccessKey{{ID: "reader-key", Secret: "reader-secret"}},
			Permissions: []ram.Statement{{Effect: "Allow", Actions: []string{"hbr:Describe*"}}},
		})
	})
	reader := keys{id: "reader-key", secret: "reader-secret"}
	for _, tt := range []struct {
		name   string
		who    keys
		change rpc.Params
		status int
		code   string
	}{
		{"a region that does not exist", portal, rpc.Params{"RegionId": "atlantis"}, 404, "InvalidRegion.NotFound"},
		{"no permission", reader, nil, 403, "NoPermission"},
		{"a missing parameter", portal, rpc.Params{"SourceType": ""}, 400, "MissingSourceType"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := instanceOrder()
			maps.Copy(p, tt.change)
			a := f.call(t, tt.who, "CreateBackupJob", p)
			if a.status != tt.status || a.code() != tt.code {
				t.Errorf("got %d %s (%s), want %d %s", a.status, a.code(), a.message(), tt.status, tt.code)
			}
		})
	}
	if jobs := f.Ledger().Jobs; len(jobs) != 0 {
		t.Errorf("a refused request made %+v", jobs)
	}
}

func TestMismatchShowsStringToSign(t *testing.T) {
	f := newFixture(t)
	p := f.common(portal, "DescribeBackupJobs2")
	p["Signature"] = "wrong"
	want := "server string to sign is:" + sign.StringToSign("POST", p)
	if got := f.send(t, p).message(); !strings.HasSuffix(got, want) {
		t.Errorf("message is %q", got)
	}
}

func TestNonceIsUsedByValidRequestsFor31Minutes(t *testing.T) {
	f := newFixture(t)
	p := f.common(portal, "DescribeBackupJobs2")
	send := func(secret string) string {
		p["Timestamp"] = f.clock.Now().Format(rpc.TimestampLayout)
		p["Signature"] = sign.Signature(secret, sign.StringToSign("POST", p))
		return f.send(t, p).code()
	}
	for _, step := range []struct {
		secret, want string
		later        time.Duration
	}{
		{"wrong", "SignatureDoesNotMatch", 0},
		{world.DemoSecret, "200", 0},
		{world.DemoSecret, "SignatureNonceUsed", 0},
		{world.DemoSecret, "SignatureNonceUsed", 31 * time.Minute},
		{world.DemoSecret, "200", time.Second},
	} {
		f.clock.advance(step.later)
		if got := send(step.secret); got != step.want {
			t.Fatalf("at %s with %s: got %s, want %s", f.clock.Now(), step.secret, got, step.want)
		}
	}
}

func TestRequireTLSRefusesPlainHTTP(t *testing.T) {
	f := newFixture(t)
	f.requireTLS = true
	for _, op := range api.Operations {
		a := f.call(t, portal, op.Action, rpc.Params{"Version": op.Version})
		// The vendor's metadata says that these four operations accept only https.
		want := slices.Contains([]string{"AssumeRole", "GetCallerIdentity", "CheckRole", "ListProtectedResources"}, op.Action)
		if got := a.status == 404 && a.code() == "InvalidProtocol.NeedSsl"; got != want {
			t.Errorf("%s over http: got %d %s", op.Action, a.status, a.code())
		}
	}
	p := f.common(portal, "GetCallerIdentity")
	p["Signature"] = sign.Signature(world.DemoSecret, sign.StringToSign("GET", p))
	r := httptest.NewRequest(http.MethodGet, "/?"+encodeQuery(p), nil)
	r.TLS = &tls.ConnectionState{}
	if a := f.do(t, r); a.status != 200 {
		t.Errorf("over https: got %d %s", a.status, a.code())
	}
}

func TestHostDecidesRegion(t *testing.T) {
	f := newFixture(t)
	p := f.common(portal, "DescribeBackupJobs2")
	p["Signature"] = sign.Signature(world.DemoSecret, sign.StringToSign("GET", p))
	r := httptest.NewRequest(http.MethodGet, "http://hbr.cn-shanghai.aliyuncs.com/?"+encodeQuery(p), nil)
	f.do(t, r)
	if got := f.Ledger().Calls[0].Region; got != "cn-shanghai" {
		t.Errorf("region is %s", got)
	}
}

func TestBodyWinsOverQuery(t *testing.T) {
	f := newFixture(t)
	p := f.common(portal, "CreateBackupJob")
	maps.Copy(p, instanceOrder())
	p["Signature"] = sign.Signature(world.DemoSecret, sign.StringToSign("POST", p))
	body := encodeQuery(p)
	r := httptest.NewRequest(http.MethodPost, "/?Retention=99&InstanceId=i-other", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if a := f.do(t, r); a.code() != "200" {
		t.Fatalf("got %v", a.body)
	}
	if got := f.Ledger().Jobs[0].Parameters["Retention"]; got != "7" {
		t.Errorf("Retention is %s", got)
	}
}

func TestMalformedRequestsAreRefusedFirst(t *testing.T) {
	f := newFixture(t)
	form := func(body string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
	for _, tt := range []struct {
		name   string
		r      *http.Request
		status int
		code   string
	}{
		{"another path", httptest.NewRequest(http.MethodGet, "/v1", nil), 404, "InvalidApi.NotFound"},
		{"another method", httptest.NewRequest(http.MethodPut, "/", nil), 405, "UnsupportedHTTPMethod"},
		{"a query that is not encoded", httptest.NewRequest(http.MethodGet, "/?a=%zz", nil), 400, "InvalidParameter"},
		{"a body that is not encoded", form("a=%zz"), 400, "InvalidParameter"},
		{"a body without end", form(strings.Repeat("a", rpc.MaxBody+1)), 413, "RequestEntityTooLarge"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a := f.do(t, tt.r); a.status != tt.status || a.code() != tt.code {
				t.Errorf("got %d %s, want %d %s", a.status, a.code(), tt.status, tt.code)
			}
		})
	}
}

func encodeQuery(p rpc.Params) string {
	values := url.Values{}
	for name, v := range p {
		values.Set(name, v)
	}
	return values.Encode()
}

func TestNoncesOfTwoKeysAreSeparate(t *testing.T) {
	var n nonces
	now := time.Unix(1767323045, 0)
	for _, step := range []struct {
		keyID, nonce string
		later        time.Duration
		want         bool
	}{
		{"a", "1", 0, true},
		{"b", "1", 0, true},
		{"a", "2", 0, true},
		{"a", "1", nonceMemory, false},
		{"a", "1", time.Second, true},
		{"a", "3", time.Minute, true},
	} {
		now = now.Add(step.later)
		if got := n.claim(step.keyID, step.nonce, now); got != step.want {
			t.Errorf("%s claims %s at %v: %v", step.keyID, step.nonce, now, got)
		}
	}
	if len(n.spent) != 2 {
		t.Errorf("%d nonces are remembered, of which two can matter", len(n.spent))
	}
}

// TestRPCRefusesBodyThatIsNotForm proves that a request with the RPC 1.0 signature is refused
// if its body is not a form: this signature covers forms only.
func TestRPCRefusesBodyThatIsNotForm(t *testing.T) {
	f := newFixture(t)
	for kind, body := range map[string]string{
		"application/json": `{"PageSize":"1"}`, "text/plain": "PageSize=1", "": "PageSize=1", "multipart/form-data; boundary=x": "--x--",
	} {
		p := f.common(portal, "DescribeBackupJobs2")
		p["Signature"] = sign.Signature(world.DemoSecret, sign.StringToSign("POST", p))
		r := httptest.NewRequest(http.MethodPost, "/?"+encodeQuery(p), strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		if a := f.do(t, r); a.status != 400 || a.code() != "InvalidParameter" || !strings.Contains(a.message(), "Content-Type") {
			t.Errorf("%q: got %d %s %s", kind, a.status, a.code(), a.message())
		}
	}
}

func TestIncompleteBodyIsRefused(t *testing.T) {
	f := newFixture(t)
	r := httptest.NewRequest(http.MethodPost, "/", iotest.ErrReader(io.ErrUnexpectedEOF))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := f.do(t, r); a.status != 400 || a.code() != "InvalidParameter" {
		t.Errorf("got %d %s", a.status, a.code())
	}
}

// TestSuccessCodeTypeByOperation proves that Code is a number for DescribeContainerCluster and
// CheckRole and a text for the other operations, as in the samples of the vendor's pages.
func TestSuccessCodeTypeByOperation(t *testing.T) {
	f := newFixture(t)
	for _, tt := range []struct {
		action string
		own    rpc.Params
		want   any
	}{
		{"CreateBackupJob", instanceOrder(), "200"},
		{"DescribeBackupJobs2", nil, "200"},
		{"DescribeVaults", nil, "200"},
		{"DescribeRegions", nil, "200"},
		{"DescribeContainerCluster", nil, json.Number("200")},
		{"CheckRole", rpc.Params{"CheckRoleType": "UdmRole"}, json.Number("200")},
	} {
		if a := f.call(t, portal, tt.action, tt.own); a.body["Code"] != tt.want {
			t.Errorf("%s: Code is %T %v (%s)", tt.action, a.body["Code"], a.body["Code"], a.message())
		}
	}
}
