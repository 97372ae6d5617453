package emulator

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	"github.com/google/go-cmp/cmp"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// serveDemo starts an emulator with the demo accounts and the real time, and returns its
// address. The tests call it with the vendor's Go SDK, which signs with the real time and so
// checks the protocol independently.
func serveDemo(t *testing.T) (c *Cloud, domain string) {
	t.Helper()
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	return c, strings.TrimPrefix(srv.URL, "http://")
}

// sdkCall makes one call with a new client, because the SDK's clients are not safe for concurrent
// use.
func sdkCall(t *testing.T, domain string, who keys, method, action string, query, form map[string]string) (string, error) {
	t.Helper()
	client, err := sdk.NewClientWithOptions("cn-hangzhou", sdk.NewConfig().WithScheme(requests.HTTP),
		credentials.NewStaticSTSCredentialsProvider(who.id, who.secret, who.token))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Shutdown()
	r := requests.NewCommonRequest()
	r.Product, r.Version, r.ApiName = "hbr", api.HBRVersion, action
	r.Domain, r.Scheme, r.Method = domain, requests.HTTP, method
	if query != nil {
		r.QueryParams = query
	}
	r.FormParams = form
	resp, err := client.ProcessCommonRequest(r)
	if err != nil {
		return "", err
	}
	return resp.GetHttpContentString(), nil
}

func TestSDKCreatesJob(t *testing.T) {
	odd := with(instanceOrder(), rpc.Params{"JobName": "a b*c~d+é&=%/?"})
	for _, tt := range []struct {
		name, method string
		query, form  map[string]string
	}{
		{"by POST with a form", requests.POST, nil, odd},
		{"by POST with everything in the query", requests.POST, odd, nil},
		{"by GET", requests.GET, odd, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, domain := serveDemo(t)
			body, err := sdkCall(t, domain, portal, tt.method, "CreateBackupJob", with(tt.query, nil), tt.form)
			if err != nil || !strings.Contains(body, `"Success":true,"Code":"200"`) {
				t.Fatalf("answer %s, error %v", body, err)
			}
			jobs := c.Ledger().Jobs
			if len(jobs) != 1 {
				t.Fatalf("%d jobs were made", len(jobs))
			}
			if diff := cmp.Diff(map[string]string(odd), jobs[0].Parameters); diff != "" {
				t.Errorf("parameters changed on the way (-sent +received):\n%s", diff)
			}
		})
	}
}

func TestSDKReadsRefusals(t *testing.T) {
	_, domain := serveDemo(t)
	_, err := sdkCall(t, domain, keys{world.DemoKey, "wrong", ""}, requests.POST, "CreateBackupJob", nil, instanceOrder())
	refused, ok := err.(*sdkerrors.ServerError)
	if !ok {
		t.Fatalf("got %v, want a ServerError", err)
	}
	if refused.ErrorCode() != "SignatureDoesNotMatch" || refused.HttpStatus() != 400 {
		t.Errorf("got %d %s", refused.HttpStatus(), refused.ErrorCode())
	}
	// The SDK recommends checking the secret only if the string to sign in the server's refusal
	// equals the SDK's own string.
	if !strings.HasPrefix(refused.Recommend(), "InvalidAccessKeySecret") {
		t.Errorf("the client blames something else: %s", refused.Recommend())
	}
}

func TestSDKAssumesRoleInOtherAccount(t *testing.T) {
	c, domain := serveDemo(t)
	sts.GetEndpointMap() // fills a table now, because the constructor of a client fills it without a lock
	client, err := sts.NewClientWithOptions("cn-hangzhou", sdk.NewConfig().WithScheme(requests.HTTP),
		credentials.NewStaticSTSCredentialsProvider(world.DemoKey, world.DemoSecret, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Shutdown()
	r := sts.CreateAssumeRoleRequest()
	r.Domain, r.Scheme = domain, requests.HTTP
	r.RoleArn, r.RoleSessionName = operatorARN, "alice"
	resp, err := client.AssumeRole(r)
	if err != nil {
		t.Fatal(err)
	}
	if want := operatorARN + "/alice"; resp.AssumedRoleUser.Arn != want {
		t.Errorf("Arn is %s, want %s", resp.AssumedRoleUser.Arn, want)
	}
	role := keys{resp.Credentials.AccessKeyId, resp.Credentials.AccessKeySecret, resp.Credentials.SecurityToken}
	order := with(instanceOrder(), rpc.Params{"InstanceId": "i-bp2demopay01"})
	if _, err := sdkCall(t, domain, role, requests.POST, "CreateBackupJob", nil, order); err != nil {
		t.Fatal(err)
	}
	if jobs := c.Ledger().Jobs; len(jobs) != 1 || jobs[0].AccountID != world.DemoPaymentsAccount {
		t.Errorf("jobs are %+v", jobs)
	}
}
