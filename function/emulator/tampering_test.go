package emulator

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
)

// A oneByte is a test case: one byte or one header of a request is changed after it was signed.
// Except for the signature the changed request is valid, so it must be refused because of the
// signature.
type oneByte struct {
	name   string
	change func(*http.Request)
}

// inQuery returns a change that replaces a text in the query of a signed request.
func inQuery(from, to string) func(*http.Request) {
	return func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, from, to, 1) }
}

// inBody returns a change that replaces a text in the body of a signed request.
func inBody(from, to string) func(*http.Request) {
	return func(r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(strings.Replace(string(body), from, to, 1)))
	}
}

// inHeader returns a change that replaces a text in a header of a signed request.
func inHeader(name, from, to string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, strings.Replace(r.Header.Get(name), from, to, 1)) }
}

// orderV1 returns a valid call of CreateBackupJob with the RPC 1.0 signature. Its form has the
// parameters of instanceOrder. Its query has the common parameters, as the V1 SDK sends them,
// and JobName for the tests, although the SDK sends JobName in the form.
func (f *fixture) orderV1(who keys) *http.Request {
	p := with(f.common(who, "CreateBackupJob"), instanceOrder())
	p["InstanceId"], p["JobName"] = "i-bp2demopay01", "nightly"
	p["Signature"] = sign.Signature(who.secret, sign.StringToSign("POST", p))
	query, form := url.Values{}, url.Values{}
	for name, v := range p {
		if _, own := instanceOrder()[name]; own {
			form.Set(name, v)
		} else {
			query.Set(name, v)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/?"+query.Encode(), strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// orderV3 returns a call for the same backup as orderV1 with the V3 signature. InstanceId is in
// the query, the other parameters are in the form. It has the header x-acs-zone, which is
// signed although the emulator does not use its value.
func (f *fixture) orderV3(who keys) *http.Request {
	body := encodeQuery(with(instanceOrder(), rpc.Params{"InstanceId": "", "JobName": "nightly"}))
	r := f.requestV3(who, "CreateBackupJob", "InstanceId=i-bp2demopay01", body)
	r.Header.Set("x-acs-zone", "one")
	signRequestV3(r, who, body)
	return r
}

var changesV1 = []oneByte{
	{"method", func(r *http.Request) { r.Method = http.MethodGet }},
	{"query value", inQuery("nightly", "nightlz")},
	{"query name", inQuery("JobName", "JobNama")},
	{"query added", func(r *http.Request) { r.URL.RawQuery += "&A=" }},
	{"region", inQuery("RegionId=cn-hangzhou", "RegionId=cn-shanghai")},
	{"action", inQuery("CreateBackupJob", "DescribeBackupJobs2")},
	{"timestamp", inQuery("03%3A04%3A05Z", "03%3A04%3A06Z")},
	{"nonce", inQuery("SignatureNonce=", "SignatureNonce=9")},
	{"format", inQuery("Format=JSON", "Format=json")},
	{"signature", inQuery("Signature=", "Signature=x")},
	{"form value", inBody("Retention=7", "Retention=8")},
	{"form added", inBody("Retention=7", "Retention=7&A=")},
}

var changesV3 = []oneByte{
	{"method", func(r *http.Request) { r.Method = http.MethodGet }},
	{"query value", inQuery("pay01", "pay02")},
	{"query name", inQuery("InstanceId", "InstanceIe")},
	{"query added", func(r *http.Request) { r.URL.RawQuery += "&A=" }},
	{"query repeated", func(r *http.Request) { r.URL.RawQuery += "&InstanceId=i-bp2demopay01" }},
	{"body", inBody("Retention=7", "Retention=8")},
	{"body added", inBody("Retention=7", "Retention=7 ")},
	{"host", func(r *http.Request) { r.Host = "hbr.cn-shanghai.aliyuncs.com" }},
	{"content-type", inHeader("Content-Type", "urlencoded", "urlencoded;")},
	{"x-acs-accesskey-id", inHeader("x-acs-accesskey-id", "STS", "STT")},
	{"x-acs-action", inHeader("x-acs-action", "CreateBackupJob", "DescribeBackupJobs2")},
	{"x-acs-content-sha256", func(r *http.Request) { r.Header.Set("x-acs-content-sha256", sign.HexSHA256("")) }},
	{"x-acs-credentials-provider", inHeader("x-acs-credentials-provider", "static", "statik")},
	{"x-acs-date", inHeader("x-acs-date", "05Z", "06Z")},
	{"x-acs-signature-nonce", func(r *http.Request) { r.Header.Set("x-acs-signature-nonce", "another") }},
	{"x-acs-zone", inHeader("x-acs-zone", "one", "onf")},
	{"x-acs-zone gone", func(r *http.Request) { r.Header.Del("x-acs-zone") }},
	{"x-acs-zone twice", func(r *http.Request) { r.Header.Add("x-acs-zone", "one") }},
	{"SignedHeaders", inHeader("Authorization", "host;", "host;range;")},
	{"Signature", inHeader("Authorization", "Signature=", "Signature=0")},
}

func TestOneChangedByteIsRefused(t *testing.T) {
	f := newFixture(t)
	role := f.assume(t, portal, nil)
	for _, scheme := range []struct {
		name    string
		good    func(keys) *http.Request
		changes []oneByte
	}{{"1.0", f.orderV1, changesV1}, {"V3", f.orderV3, changesV3}} {
		for _, tt := range scheme.changes {
			t.Run(scheme.name+"/"+tt.name, func(t *testing.T) {
				r := scheme.good(role)
				tt.change(r)
				if a := f.do(t, r); a.status != 400 || a.code() != "SignatureDoesNotMatch" {
					t.Errorf("got %d %s (%s)", a.status, a.code(), a.message())
				}
			})
		}
		if a := f.do(t, scheme.good(role)); a.status != 200 {
			t.Errorf("%s: the request without a change is refused: %s", scheme.name, a.message())
		}
	}
	if jobs := f.Ledger().Jobs; len(jobs) != 2 {
		t.Errorf("%d jobs, want those of the two requests without a change", len(jobs))
	}
}
