package aliyun

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// Cloud Backup by its names in the cloud, and the operations.
const (
	product                  = "hbr"
	version                  = "2017-09-08"
	describeInstances        = "DescribeInstances" // of ECS
	createBackupJob          = "CreateBackupJob"
	describeBackupJobs2      = "DescribeBackupJobs2"
	describeUdmSnapshots     = "DescribeUdmSnapshots"
	cancelBackupJob          = "CancelBackupJob"
	checkRole                = "CheckRole"
	describeCrossAccounts    = "DescribeCrossAccounts"
	describeVaults           = "DescribeVaults"
	describeBackupClients    = "DescribeBackupClients"
	describeContainerCluster = "DescribeContainerCluster"
	describeDisks            = "DescribeDisks"     // of ECS
	getCallerIdentity        = "GetCallerIdentity" // of STS
)

// An api is a service of the cloud by its names there.
type api struct {
	product, version string
	host             func(region string) string
	plain            bool // success is the status alone
}

var (
	cloudBackup = api{product, version, backupHost, false}
	ecs         = api{"ecs", "2014-05-26", instanceHost, true}
	tokens      = api{"sts", "2015-04-01", tokenHost, true}
)

// An operation is a call, with everything decided.
type operation struct {
	api    api // the zero value is Cloud Backup
	action string
	target backup.Target
	params []param.Parameter
	until  time.Time // not sent after this; zero: whenever its context lives
}

// perform makes the call. If the cloud no longer accepts credentials that were
// kept, which is an answer without any effect, new ones are made and the call
// is repeated once.
func (c *Client) perform(ctx context.Context, op operation) (answer, response, *backup.CloudError) {
	if refused := op.check(); refused != nil {
		return answer{}, response{}, refused
	}
	if op.api.host == nil {
		op.api = cloudBackup
	}
	for again := false; ; again = true {
		keys, failed := c.credentials(ctx, op)
		if failed != nil {
			return answer{}, response{}, failed
		}
		a := c.try(ctx, op.until, c.origin(op.api.host(op.target.Region)), keys, op.call)
		r, failed := verdict{action: op.action, plain: op.api.plain, secrets: secretsOf(keys)}.judge(a)
		if failed == nil {
			return *a.answer, r, nil
		}
		if again || op.target.Account.Caller().Access != backup.AssumeRole || !errors.Is(failed, backup.ErrCredentials) {
			return answer{}, r, failed
		}
		c.drop(roleOf(op), keys)
	}
}

// call hands the operation to the SDK: a fresh client and a fresh request,
// since both are changed by the call. The parameters go into the form, to keep
// paths and JSON out of the address.
func (op operation) call(cfg *sdk.Config, keys auth.Credential) error {
	client, err := sdk.NewClientWithOptions(op.target.Region, cfg, keys)
	if err != nil {
		return err
	}
	request := requests.NewCommonRequest()
	request.Product, request.Version, request.ApiName = op.api.product, op.api.version, op.action
	request.Method, request.Scheme, request.Domain = requests.POST, cfg.Scheme, hostOf(cfg)
	for _, p := range op.params {
		request.FormParams[p.Name] = p.Value
	}
	_, err = client.ProcessCommonRequest(request)
	return err
}

// hostOf is where the attempt behind cfg sends to. Product hbr is in none of
// the SDK's own tables.
func hostOf(cfg *sdk.Config) string { return cfg.Transport.(*attempt).origin.Host }

// check refuses a target that no request may be built for: the region becomes
// part of a host name.
func (op operation) check() *backup.CloudError {
	known := []backup.Access{backup.Own, backup.AssumeRole, backup.HBRCrossAccount}
	switch {
	case !param.KnownRegion(op.target.Region):
		return op.refused(badTarget, "unknown region")
	case !slices.Contains(known, op.target.Account.Access):
		return op.refused(badTarget, "unknown kind of access")
	}
	return nil
}

func (op operation) refused(code, cause string) *backup.CloudError {
	return &backup.CloudError{Action: op.action, Outcome: backup.ErrRefused, Code: code, Cause: cause}
}

// credentials are those that op is signed with: the portal's own, or those of
// a role that it takes on.
func (c *Client) credentials(ctx context.Context, op operation) (Credentials, *backup.CloudError) {
	if op.target.Account.Caller().Access == backup.AssumeRole {
		return c.assumed(ctx, op)
	}
	return c.own(ctx, op.action)
}

// own are the portal's credentials. With none nothing is sent.
func (c *Client) own(ctx context.Context, action string) (Credentials, *backup.CloudError) {
	failed := &backup.CloudError{Action: action, Outcome: backup.ErrCredentials, Code: noCredentials,
		Cause: "the function has no role, or no access key is set"}
	if c.cfg.Credentials == nil {
		return Credentials{}, failed
	}
	keys, err := c.cfg.Credentials(ctx)
	switch {
	case err != nil:
		failed.Outcome, failed.Code, failed.Cause = backup.ErrNotSent, "", "the portal's credentials could not be read"
		return Credentials{}, failed
	case keys.empty():
		return Credentials{}, failed
	}
	return keys, nil
}

// secretsOf are the texts that no message may echo.
func secretsOf(keys Credentials) []string {
	return []string{keys.AccessKeyID, keys.AccessKeySecret.Reveal(), keys.SecurityToken.Reveal()}
}
