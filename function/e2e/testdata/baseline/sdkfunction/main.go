// Command sdkfunction is a plain function that starts a backup.
//
// It reads the JSON body of an HTTP event and calls CreateBackupJob with one SDK client that all
// requests share. It checks nothing and keeps nothing. The benchmarks compare the portal with it.
package main

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"strconv"
	"sync"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

var (
	endpoint, _ = url.Parse(os.Getenv("CLOUD_ENDPOINT"))
	once        sync.Once
	client      *sdk.Client
)

func main() { fc.Start(handle) }

type event struct {
	Body string `json:"body"`
}

type submission struct {
	Account, Region, InstanceId, JobName string
	Retention                            int
}

func handle(ctx context.Context, raw []byte) (json.RawMessage, error) {
	var e event
	var s submission
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(e.Body), &s); err != nil {
		return nil, err
	}
	fcc, _ := fccontext.FromContext(ctx)
	keys := fcc.Credentials
	var err error
	once.Do(func() {
		cfg := sdk.NewConfig()
		cfg.Scheme = endpoint.Scheme
		client, err = sdk.NewClientWithOptions(s.Region, cfg,
			credentials.NewStaticSTSCredentialsProvider(keys.AccessKeyId, keys.AccessKeySecret, keys.SecurityToken))
	})
	if err != nil {
		return nil, err
	}
	r := requests.NewCommonRequest()
	r.Product, r.Version, r.ApiName = "hbr", "2017-09-08", "CreateBackupJob"
	r.Method, r.Scheme, r.Domain = requests.POST, endpoint.Scheme, endpoint.Host
	r.FormParams["SourceType"] = "UDM_ECS"
	r.FormParams["InstanceId"] = s.InstanceId
	r.FormParams["JobName"] = s.JobName
	r.FormParams["Retention"] = strconv.Itoa(s.Retention)
	r.FormParams["BackupType"] = "COMPLETE"
	r.FormParams["Detail"] = "{}"
	answer, err := client.ProcessCommonRequest(r)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{
		"statusCode": 201, "headers": map[string]string{"Content-Type": "application/json"}, "body": answer.GetHttpContentString(),
	})
}
