package emulator

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
	"backupportal/function/emulator/world"
)

// BenchmarkSignedCalls measures how many signed calls per second the emulator answers over HTTP
// on loopback. Connections are reused, and there is one client for each processor; the results
// include the clients' work. The goal is 2,000 calls per second on two processors, with 99 % of
// the answers within 10 ms. Then a load test measures the program under test, and not the
// emulator.
func BenchmarkSignedCalls(b *testing.B) {
	c, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	var sent atomic.Int64
	nonce := func() string { return fmt.Sprint("nonce-", sent.Add(1)) }
	seed := func(jobs int, order rpc.Params) {
		for range jobs {
			w := httptest.NewRecorder()
			if c.ServeHTTP(w, benchmarkV1("CreateBackupJob", order, nonce())); w.Code != http.StatusOK {
				b.Fatal(w.Body)
			}
		}
	}
	// The first region has 10,000 jobs. The second region has 200 jobs.
	seed(10_000, instanceOrder())
	seed(200, with(instanceOrder(), rpc.Params{"InstanceId": "i-uf6demoweb03", "RegionId": "cn-shanghai"}))
	one := rpc.Params{"Filters.1.Key": "JobId", "Filters.1.Values.1": c.Ledger().Jobs[5000].ID}
	page := rpc.Params{"SourceType": "UDM_ECS", "PageSize": "50", "RegionId": "cn-shanghai"}
	srv := httptest.NewServer(c)
	defer srv.Close()
	domain := strings.TrimPrefix(srv.URL, "http://")

	// The benchmark bare-server measures the speed of the machine for comparison: the same
	// client calls a server that does nothing.
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	defer bare.Close()
	b.Run("bare-server", func(b *testing.B) {
		benchmarkCalls(b, strings.TrimPrefix(bare.URL, "http://"), func() *http.Request {
			return benchmarkV1("CreateBackupJob", instanceOrder(), nonce())
		})
	})
	// The calls that create jobs come last. So the benchmarks of listings before them read
	// exactly as many jobs as their names say.
	for _, call := range []struct {
		name, action string
		own          rpc.Params
	}{
		{"DescribeBackupJobs2-one-of-10000", "DescribeBackupJobs2", one},
		{"DescribeBackupJobs2-50-of-200", "DescribeBackupJobs2", page},
		{"DescribeBackupJobs2-50-of-10000", "DescribeBackupJobs2", rpc.Params{"SourceType": "UDM_ECS", "PageSize": "50"}},
		{"CreateBackupJob", "CreateBackupJob", instanceOrder()},
	} {
		for _, scheme := range []struct {
			name string
			sign func(action string, own rpc.Params, nonce string) *http.Request
		}{{"V1", benchmarkV1}, {"V3", benchmarkV3}} {
			b.Run(scheme.name+"/"+call.name, func(b *testing.B) {
				benchmarkCalls(b, domain, func() *http.Request { return scheme.sign(call.action, call.own, nonce()) })
			})
		}
	}
}

// benchmarkCalls sends b.N requests. It reports the calls per second, and the time within which 99
// % of the calls were answered.
func benchmarkCalls(b *testing.B, domain string, next func() *http.Request) {
	var mu sync.Mutex
	var all []time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		var took []time.Duration
		for pb.Next() {
			start := time.Now()
			if err := benchmarkCall(transport, domain, next()); err != nil {
				b.Error(err)
				return
			}
			took = append(took, time.Since(start))
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, took...)
	})
	b.StopTimer()
	if slices.Sort(all); len(all) > 0 {
		b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "calls/s")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	}
}

// benchmarkCall sends one request and reads the whole answer, so that the connection is reused.
func benchmarkCall(transport *http.Transport, domain string, r *http.Request) error {
	r.URL.Host, r.RequestURI = domain, ""
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("answered %d %s", resp.StatusCode, body)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// benchmarkV1 returns a request as the V1 SDK signs it, with all parameters in the form.
func benchmarkV1(action string, own rpc.Params, nonce string) *http.Request {
	p := rpc.Params{
		"Action": action, "Version": api.HBRVersion, "Format": "JSON", "RegionId": "cn-hangzhou",
		"AccessKeyId": world.DemoKey, "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0",
		"SignatureNonce": nonce, "Timestamp": time.Now().UTC().Format(rpc.TimestampLayout),
	}
	for name, v := range own {
		p[name] = v
	}
	p["Signature"] = sign.Signature(world.DemoSecret, sign.StringToSign("POST", p))
	r := httptest.NewRequest(http.MethodPost, "http://emulator/", strings.NewReader(encodeQuery(p)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// benchmarkV3 returns a request as the vendor's newer clients sign it, with the parameters in the
// form.
func benchmarkV3(action string, own rpc.Params, nonce string) *http.Request {
	body := encodeQuery(own)
	r := httptest.NewRequest(http.MethodPost, "http://emulator/", strings.NewReader(body))
	for name, v := range map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "x-acs-action": action, "x-acs-version": api.HBRVersion,
		"x-acs-date": time.Now().UTC().Format(rpc.TimestampLayout), "x-acs-signature-nonce": nonce,
		"x-acs-content-sha256": sign.HexSHA256(body),
	} {
		r.Header.Set(name, v)
	}
	signRequestV3(r, portal, body)
	return r
}
