package emulator

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
	"backupportal/function/emulator/world"
)

// requestV3 returns a valid request with a V3 signature (the vendor's newer signature scheme,
// in headers). It sends query unchanged. It sends body as a form, or no body if body is empty.
func (f *fixture) requestV3(who keys, action, query, body string) *http.Request {
	f.nonce++
	r := httptest.NewRequest(http.MethodPost, "http://hbr.cn-hangzhou.aliyuncs.com/?"+query, strings.NewReader(body))
	version := api.HBRVersion
	if action == "AssumeRole" || action == "GetCallerIdentity" {
		version = api.STSVersion
	}
	for name, v := range map[string]string{
		"x-acs-action": action, "x-acs-version": version, "x-acs-date": f.clock.Now().Format(rpc.TimestampLayout),
		"x-acs-signature-nonce": strconv.Itoa(f.nonce), "x-acs-credentials-provider": "static_sts",
		"x-acs-content-sha256": sign.HexSHA256(body),
	} {
		r.Header.Set(name, v)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if who.token != "" {
		r.Header.Set("x-acs-security-token", who.token)
		r.Header.Set("x-acs-accesskey-id", who.id)
	}
	signRequestV3(r, who, body)
	return r
}

// signRequestV3 signs the host, Content-Type and all x-acs-* headers of r.
func signRequestV3(r *http.Request, who keys, body string) {
	signed := []string{"host"}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-acs-") || lower == "content-type" {
			signed = append(signed, lower)
		}
	}
	slices.Sort(signed)
	text := sign.StringToSignV3(sign.CanonicalRequest(r, r.URL.Query(), signed, sign.HexSHA256(body)))
	r.Header.Set("Authorization", sign.ACS3+" Credential="+who.id+",SignedHeaders="+strings.Join(signed, ";")+
		",Signature="+sign.SignatureV3(who.secret, text))
}

// TestV3SignatureMatchesVendorClients proves that the emulator computes the same V3 signature
// as two of the vendor's clients: Darabonba for Go and @alicloud/openapi-util. Their signature
// is a constant of the test.
func TestV3SignatureMatchesVendorClients(t *testing.T) {
	const body = "InstanceIds=%5B%22i-bp1%22%5D"
	r := httptest.NewRequest(http.MethodPost, "http://hbr.cn-hangzhou.aliyuncs.com"+
		"/?ClientType=ECS_CLIENT&Filters.1.Key=InstanceId&Filters.1.Values.1=a+b%2A~%2B%C3%A9&PageSize=10", strings.NewReader(body))
	for name, v := range map[string]string{
		"content-type": "application/x-www-form-urlencoded", "x-acs-accesskey-id": "testid",
		"x-acs-action": "DescribeBackupClients", "x-acs-content-sha256": sign.HexSHA256(body), "x-acs-date": "2026-01-02T03:04:05Z",
		"x-acs-security-token": "tok+/=", "x-acs-signature-nonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
		"x-acs-version": "2017-09-08",
	} {
		r.Header.Set(name, v)
	}
	const want = `POST
/
ClientType=ECS_CLIENT&Filters.1.Key=InstanceId&Filters.1.Values.1=a%20b%2A~%2B%C3%A9&PageSize=10
content-type:application/x-www-form-urlencoded
host:hbr.cn-hangzhou.aliyuncs.com
x-acs-accesskey-id:testid
x-acs-action:DescribeBackupClients
x-acs-content-sha256:e41974a213c367e8f43f5f8a38684d2252824df75cc5420be56da9db25986cc6
x-acs-date:2026-01-02T03:04:05Z
x-acs-security-token:tok+/=
x-acs-signature-nonce:3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf
x-acs-version:2017-09-08

content-type;host;x-acs-accesskey-id;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version
e41974a213c367e8f43f5f8a38684d2252824df75cc5420be56da9db25986cc6`
	signRequestV3(r, keys{id: "testid", secret: "testsecret"}, body)
	auth, err := sign.ParseAuthorization(r.Header.Get("Authorization"))
	if err != nil {
		t.Fatal(err)
	}
	request := sign.CanonicalRequest(r, r.URL.Query(), auth.SignedHeaders, sign.HexSHA256(body))
	if diff := cmp.Diff(want, request); diff != "" {
		t.Errorf("canonical request (-want +got):\n%s", diff)
	}
	if want := sign.ACS3 + "\n45fbcc977a8dd743f3e383fb8a9ad159087473dc5278e0eeb844efe4025f76b0"; sign.StringToSignV3(request) != want {
		t.Errorf("string to sign is %s", sign.StringToSignV3(request))
	}
	if want := "1629ce4e54ddaae5112c7c034cbf8fffb6d2254b80675a8c8bc0e7319d0dc108"; auth.Signature != want {
		t.Errorf("signature is %s, want %s", auth.Signature, want)
	}
}

func TestV3ReadsQueryAndForm(t *testing.T) {
	f := newFixture(t)
	role := f.assume(t, portal, nil)
	order := with(instanceOrder(), rpc.Params{"InstanceId": "", "JobName": "a b*c~d+é&=%/?"})
	a := f.do(t, f.requestV3(role, "CreateBackupJob", "InstanceId=i-bp2demopay01", encodeQuery(order)))
	if a.status != 200 || a.code() != "200" {
		t.Fatalf("got %d %v", a.status, a.body)
	}
	ledger := f.Ledger()
	if job := ledger.Jobs[0]; job.AccountID != world.DemoPaymentsAccount || job.Region != "cn-hangzhou" || job.Name != order["JobName"] {
		t.Errorf("job is %+v", job)
	}
	call := ledger.CallsOf("CreateBackupJob")[0]
	if call.Caller.AccessKeyID != role.id || call.Version != api.HBRVersion || call.Common["x-acs-security-token"] != Hidden {
		t.Errorf("call is %+v", call)
	}
	if diff := cmp.Diff([]string{"InstanceId"}, call.InQuery); diff != "" {
		t.Errorf("names in the query: %s", diff)
	}
}

// TestV3RefusesRepeatedParameters proves that a request with two values for one parameter is
// refused, wherever the values are. The refusal names the parameter, and no job is created.
func TestV3RefusesRepeatedParameters(t *testing.T) {
	f := newFixture(t)
	role := f.assume(t, portal, nil)
	form := encodeQuery(instanceOrder())
	for name, c := range map[string]struct{ query, form string }{
		"query and body":     {"InstanceId=i-bp2demopay01", form},
		"an equal value":     {"SourceType=UDM_ECS", form},
		"twice in the query": {"Note=1&Note=2", form},
		"twice in the body":  {"", form + "&Retention=7"},
	} {
		a := f.do(t, f.requestV3(role, "CreateBackupJob", c.query, c.form))
		if a.status != 400 || !strings.HasPrefix(a.code(), "InvalidParameter") || !strings.Contains(fmt.Sprint(a.body), "more than once") {
			t.Errorf("%s: %d %v", name, a.status, a.body)
		}
	}
	if jobs := f.Ledger().Jobs; len(jobs) != 0 {
		t.Errorf("jobs: %+v", jobs)
	}
}

// A breakV3 is a change of a valid request, with the expected refusal. If again is true, the
// request is signed again after the change. Otherwise the signature does not cover the change.
type breakV3 struct {
	name   string
	who    keys
	change func(*http.Request)
	again  bool
	status int
	code   string
}

// TestV3ReportsFirstMistake proves the order in which a request with a V3 signature is checked.
// The request of each case also has the mistakes of all later cases, but the answer reports
// only the first mistake.
func TestV3ReportsFirstMistake(t *testing.T) {
	f, role, other, old, nonce := usedFixture(t)
	set := func(pairs ...string) func(*http.Request) {
		return func(r *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				r.Header.Set(pairs[i], pairs[i+1])
			}
		}
	}
	auth := func(text string) func(*http.Request) { return set("Authorization", text) }
	lack := func(name string) func(*http.Request) {
		return func(r *http.Request) {
			h := r.Header.Get("Authorization")
			h = strings.Replace(strings.Replace(h, ";"+name, "", 1), "="+name+";", "=", 1)
			r.Header.Set("Authorization", h)
		}
	}
	for _, tt := range []breakV3{
		{"unknown action", portal, set("x-acs-action", "DeleteEverything"), true, 404, "InvalidApi.NotFound"},
		{"no action", portal, set("x-acs-action", ""), true, 404, "InvalidApi.NotFound"},
		{"version of another product", portal, set("x-acs-version", api.STSVersion), true, 400, "InvalidVersion"},
		{"no credential", portal, auth(sign.ACS3 + " SignedHeaders=host,Signature=x"), false, 400, "IncompleteSignature"},
		{"nothing behind the algorithm", portal, auth(sign.ACS3), false, 400, "IncompleteSignature"},
		{"a part twice", portal, auth(sign.ACS3 + " Credential=x,Credential=x,SignedHeaders=host"), false, 400, "IncompleteSignature"},
		{"a part too many", portal, auth(sign.ACS3 + " Credential=x,SignedHeaders=host,Signature=x,Region=y"), false, 400, "IncompleteSignature"},
		{"headers not sorted", portal, auth(sign.ACS3 + " Credential=x,SignedHeaders=x-acs-date;host,Signature=x"), false, 400, "IncompleteSignature"},
		{"host not signed", portal, lack("host"), false, 400, "IncompleteSignature"},
		{"type of the body not signed", portal, lack("content-type"), false, 400, "IncompleteSignature"},
		{"date not signed", portal, lack("x-acs-date"), false, 400, "IncompleteSignature"},
		{"a header sent besides", portal, set("x-acs-extra", "1"), false, 400, "IncompleteSignature"},
		{"unknown access key", keys{id: "nobody"}, set("x-acs-date", "x"), true, 404, "InvalidAccessKeyId.NotFound"},
		{"temporary key alone", keys{role.id, role.secret, ""}, set("x-acs-date", "x"), true, 400, "MissingSecurityToken"},
		{"token of nobody", keys{role.id, role.secret, "made up"}, set("x-acs-date", "x"), true, 403, "InvalidSecurityToken.Malformed"},
		{"token that ended", old, set("x-acs-date", "x"), true, 403, "InvalidSecurityToken.Expired"},
		{"token of another key", keys{role.id, role.secret, other.token}, set("x-acs-date", "x"), true, 403, "InvalidSecurityToken.MismatchWithAccessKey"},
		{"token beside the key of a user", keys{world.DemoKey, world.DemoSecret, role.token}, set("x-acs-date", "x"), true, 403, "InvalidSecurityToken.MismatchWithAccessKey"},
		{"no date", portal, set("x-acs-date", "", "x-acs-signature-nonce", nonce), true, 400, "InvalidTimeStamp.Format"},
		{"date too old", portal, set("x-acs-date", "2026-01-02T03:04:05Z", "x-acs-signature-nonce", nonce), true, 400, "InvalidTimeStamp.Expired"},
		{"no nonce", portal, set("x-acs-signature-nonce", "", "x-acs-content-sha256", "x"), true, 400, "MissingSignatureNonce"},
		{"nonce used before, by the other scheme", portal, set("x-acs-signature-nonce", nonce, "x-acs-content-sha256", "x"), true, 400, "SignatureNonceUsed"},
		{"hash of another body, though signed", portal, set("x-acs-content-sha256", sign.HexSHA256("other")), true, 400, "SignatureDoesNotMatch"},
		{"no hash", portal, set("x-acs-content-sha256", ""), true, 400, "SignatureDoesNotMatch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const body = "PageSize=wrong+too"
			r := f.requestV3(tt.who, "DescribeBackupJobs2", "", body)
			tt.change(r)
			if tt.again {
				signRequestV3(r, tt.who, body)
			}
			if a := f.do(t, r); a.status != tt.status || a.code() != tt.code {
				t.Errorf("got %d %s (%s), want %d %s", a.status, a.code(), a.message(), tt.status, tt.code)
			}
		})
	}
}

func TestV3RefusesOtherAlgorithms(t *testing.T) {
	f := newFixture(t)
	r := f.requestV3(portal, "DescribeBackupJobs2", "", "")
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), sign.ACS3, "ACS3-RSA-SHA256", 1))
	if a := f.do(t, r); a.status != 400 || a.code() != "InvalidSignatureMethod" {
		t.Errorf("got %d %s", a.status, a.code())
	}
}

func TestV3NonceIsUsedOnce(t *testing.T) {
	f := newFixture(t)
	r := f.requestV3(portal, "DescribeBackupJobs2", "", "")
	if a := f.do(t, r); a.status != 200 {
		t.Fatalf("got %d %s", a.status, a.message())
	}
	if a := f.do(t, r); a.code() != "SignatureNonceUsed" {
		t.Errorf("the same request again: got %s", a.code())
	}
	f.clock.advance(15*time.Minute + time.Second)
	if a := f.do(t, r); a.code() != "InvalidTimeStamp.Expired" {
		t.Errorf("and later: got %s", a.code())
	}
}

func TestV3MismatchShowsCanonicalRequest(t *testing.T) {
	f := newFixture(t)
	r := f.requestV3(keys{id: world.DemoKey, secret: "wrong"}, "DescribeBackupJobs2", "PageSize=5", "")
	auth, _ := sign.ParseAuthorization(r.Header.Get("Authorization"))
	request := sign.CanonicalRequest(r, url.Values{"PageSize": {"5"}}, auth.SignedHeaders, sign.HexSHA256(""))
	got := f.do(t, r).message()
	if !strings.Contains(got, request) || !strings.HasSuffix(got, "server string to sign is:"+sign.StringToSignV3(request)) {
		t.Errorf("message is %q", got)
	}
}

func TestRegionOfCloudBackupCall(t *testing.T) {
	for host, want := range map[string]string{
		"hbr.cn-shanghai.aliyuncs.com":         "cn-shanghai",
		"hbr-vpc.cn-shanghai.aliyuncs.com":     "cn-shanghai",
		"hbr.cn-shanghai.localhost:9100":       "cn-shanghai",
		"127.0.0.1:9100":                       "cn-hangzhou",
		"hbr.cn-shanghai.aliyuncs.com.example": "cn-hangzhou",
	} {
		f := newFixture(t)
		r := f.requestV3(portal, "DescribeBackupJobs2", "", "")
		r.Host = host
		signRequestV3(r, portal, "")
		if a := f.do(t, r); a.status != 200 {
			t.Errorf("%s: got %d %s", host, a.status, a.message())
		}
		if got := f.Ledger().Calls[0].Region; got != want {
			t.Errorf("%s: region is %q, want %q", host, got, want)
		}
	}
}

// FuzzAuthorization proves for any text of the header Authorization that it is refused, or
// parsed into three parts that give the same text when joined. A request without the secret is
// never accepted.
func FuzzAuthorization(f *testing.F) {
	for _, seed := range []string{
		sign.ACS3 + " Credential=demo-portal-key,SignedHeaders=host;x-acs-action,Signature=00",
		sign.ACS3 + " Signature=,Credential=x", sign.ACS3, "ACS3-", "ACS3-HMAC-SHA256  Credential=a=b,SignedHeaders=;,Signature==",
		sign.ACS3 + " Credential=demo-portal-key,SignedHeaders=host;host,Signature=00,",
	} {
		f.Add(seed)
	}
	cloud, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string) {
		auth, err := sign.ParseAuthorization(header)
		if err == nil {
			for _, part := range []string{"Credential=" + auth.KeyID, "SignedHeaders=" + strings.Join(auth.SignedHeaders, ";"),
				"Signature=" + auth.Signature} {
				if !strings.Contains(header, part) {
					t.Errorf("%q is not in %q", part, header)
				}
			}
		}
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Authorization", "ACS3-"+header)
		r.Header.Set("x-acs-action", "DescribeBackupJobs2")
		r.Header.Set("x-acs-version", api.HBRVersion)
		w := httptest.NewRecorder()
		if cloud.ServeHTTP(w, r); w.Code < 400 {
			t.Errorf("%q was answered with %d", header, w.Code)
		}
	})
}
