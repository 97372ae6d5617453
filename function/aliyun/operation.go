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

// The name and version of the Cloud Backup API, and the operations that the portal calls.
const (
	product                   = "hbr"
	version                   = "2017-09-08"
	describeInstances         = "DescribeInstances" // an operation of ECS
	createBackupJob           = "CreateBackupJob"
	describeBackupJobs2       = "DescribeBackupJobs2"
	describeUdmSnapshots      = "DescribeUdmSnapshots"
	cancelBackupJob           = "CancelBackupJob"
	checkRole                 = "CheckRole"
	describeCrossAccounts     = "DescribeCrossAccounts"
	describeVaults            = "DescribeVaults"
	describeBackupClients     = "DescribeBackupClients"
	describeContainerCluster  = "DescribeContainerCluster"
	describeContainerResource = "DescribeContainerResource"
	listProtectedResources    = "ListProtectedResources"
	describeDisks             = "DescribeDisks"     // an operation of ECS
	getCallerIdentity         = "GetCallerIdentity" // an operation of STS
)

// An api has the constant properties of one service of the cloud: its name, version and hosts.
type api struct {
	product, version string
	host             func(region string) string
	statusOnly       bool // a 2xx status is a success; false: Success and Code must say so
	service          backup.CloudService
}

// The services that the portal calls.
var (
	cloudBackup = api{product, version, backupHost, false, ""}
	ecs         = api{"ecs", "2014-05-26", instanceHost, true, backup.ECS}
	tokens      = api{"sts", "2015-04-01", tokenHost, true, backup.STS}
)

// An operation is one call of the cloud with all its input.
type operation struct {
	api    api // the zero value is Cloud Backup
	action string
	target backup.Target
	params []param.Parameter
	until  time.Time // nothing is sent after this; zero: only ctx limits the call
}

// perform sends the operation and classifies the result. If the cloud refuses the cached
// credentials of a role (ErrCredentials), perform removes them from the cache, assumes the role
// again and repeats the call once. That is safe, because such a refusal changes nothing. The
// answer is zero if the error is not nil.
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
		began := time.Now()
		a := c.send(ctx, op.until, c.origin(op.api.host(op.target.Region)), keys, op.call)
		r, failed := verdict{
			action:     op.action,
			service:    op.api.service,
			statusOnly: op.api.statusOnly,
			secrets:    secretsOf(keys),
		}.judge(a)
		c.observe(ctx, op.action, began, failed)
		if failed == nil {
			return *a.answer, r, nil
		}
		if again || op.target.Account.Caller().Access != backup.AssumeRole || !errors.Is(failed, backup.ErrCredentials) {
			return answer{}, r, failed
		}
		c.drop(roleOf(op), keys)
	}
}

// call makes the call with the SDK. It uses a new client and a new request each time, because
// the SDK changes both. It sends the parameters in the body, because URLs appear in logs.
func (op operation) call(cfg *sdk.Config, keys auth.Credential) error {
	client, err := sdk.NewClientWithOptions(op.target.Region, cfg, keys)
	if err != nil {
		return err
	}
	hideProxies(client)
	request := requests.NewCommonRequest()
	request.Product, request.Version, request.ApiName = op.api.product, op.api.version, op.action
	request.Method, request.Scheme, request.Domain = requests.POST, cfg.Scheme, hostOf(cfg)
	for _, p := range op.params {
		request.FormParams[p.Name] = p.Value
	}
	_, err = client.ProcessCommonRequest(request)
	return err
}

// hideProxies keeps the SDK from reading HTTP_PROXY, HTTPS_PROXY and NO_PROXY: it does not
// understand all usual values, and its error would quote them. The SDK reads a variable only if
// the client has no value, so hideProxies sets values. They are never used: the SDK gives a
// proxy only to a transport of its own kind, and the portal uses another one.
func hideProxies(client *sdk.Client) {
	client.SetHttpProxy("http://unused.invalid")
	client.SetHttpsProxy("http://unused.invalid")
	client.SetNoProxy("unused")
}

// hostOf returns the host of the attempt that is the transport of cfg. The host is set
// explicitly, because the SDK's table of hosts does not contain Cloud Backup.
func hostOf(cfg *sdk.Config) string { return cfg.Transport.(*attempt).origin.Host }

// check refuses an operation with an unknown region, which would become part of a host name, or
// with an unknown access.
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

// refused returns the error for an operation that the portal itself refuses to send.
func (op operation) refused(code, cause string) *backup.CloudError {
	return &backup.CloudError{Action: op.action, Outcome: backup.ErrRefused, Code: code, Cause: cause}
}

// credentials returns the credentials for op: temporary ones of the account's role, or the
// portal's own.
func (c *Client) credentials(ctx context.Context, op operation) (Credentials, *backup.CloudError) {
	if op.target.Account.Caller().Access == backup.AssumeRole {
		return c.roleCredentials(ctx, op)
	}
	return c.ownCredentials(ctx, op.action)
}

// ownCredentials returns the portal's own credentials. The error is ErrCredentials if there are
// none, and ErrNotSent if they could not be read.
func (c *Client) ownCredentials(ctx context.Context, action string) (Credentials, *backup.CloudError) {
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

// secretsOf returns the secret texts of the credentials keys. A message of the cloud that
// contains one of them must not be shown.
func secretsOf(keys Credentials) []string {
	return []string{keys.AccessKeyID, keys.AccessKeySecret.Reveal(), keys.SecurityToken.Reveal()}
}
