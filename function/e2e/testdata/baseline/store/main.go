// Command store is a plain function that keeps each backup that it starts in a database.
//
// It does what the command sdkfunction does, and writes one row to PostgreSQL before the call and
// changes it afterwards. Two requests with one key make one job. It checks nothing else: after an
// unknown outcome nobody looks for the job. .ci/measure compares the portal with it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"strconv"
	"sync"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
	"github.com/jackc/pgx/v5/pgxpool"
)

var (
	endpoint, _ = url.Parse(os.Getenv("CLOUD_ENDPOINT"))
	once        sync.Once
	client      *sdk.Client
	database    *pgxpool.Pool
)

func main() { fc.Start(handle) }

type event struct {
	Body string `json:"body"`
}

type submission struct {
	Account, Region, InstanceId, JobName string
	Retention                            int
}

// connect opens the database, makes its table, and makes the client of the cloud.
func connect(ctx context.Context, region string) (err error) {
	keys := fccontext.FcContext{}
	if fcc, ok := fccontext.FromContext(ctx); ok {
		keys = *fcc
	}
	cfg := sdk.NewConfig()
	cfg.Scheme = endpoint.Scheme
	client, err = sdk.NewClientWithOptions(region, cfg, credentials.NewStaticSTSCredentialsProvider(
		keys.Credentials.AccessKeyId, keys.Credentials.AccessKeySecret, keys.Credentials.SecurityToken))
	if err != nil {
		return err
	}
	if database, err = pgxpool.New(ctx, os.Getenv("DATABASE_URL")); err != nil {
		return err
	}
	_, err = database.Exec(ctx, `CREATE TABLE IF NOT EXISTS baseline (key text PRIMARY KEY, request text NOT NULL, answer text)`)
	return err
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
	var err error
	once.Do(func() { err = connect(ctx, s.Region) })
	if err != nil {
		return nil, err
	}
	made, err := database.Exec(ctx, `INSERT INTO baseline (key, request) VALUES ($1, $2) ON CONFLICT DO NOTHING`, s.JobName, e.Body)
	if err != nil {
		return nil, err
	}
	if made.RowsAffected() == 0 {
		return nil, errors.New("the key was used before")
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
	if _, err := database.Exec(ctx, `UPDATE baseline SET answer = $2 WHERE key = $1`, s.JobName, answer.GetHttpContentString()); err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{
		"statusCode": 201, "headers": map[string]string{"Content-Type": "application/json"}, "body": answer.GetHttpContentString(),
	})
}
