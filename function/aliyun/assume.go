package aliyun

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/secret"
)

// lifetime of assumed credentials, if the policy says nothing: the least that STS gives.
const lifetime = 900 * time.Second

// lifetime is how long credentials of r are asked for.
func (r role) lifetime() time.Duration { return cmp.Or(r.account.Session, lifetime) }

// A role is one to take on, in somebody's name.
type role struct {
	account   backup.Account
	principal identity.Principal
	policy    string // the session policy that narrows it (STS AssumeRole, parameter Policy)
}

func roleOf(op operation) role {
	return role{account: op.target.Account.Caller(), principal: op.target.Principal, policy: op.sessionPolicy()}
}

// sessionName is what the cloud's audit trail shows: the principal's name, and
// enough of the hash of who it is to tell namesakes apart. STS takes 2 to 64
// characters of these.
func sessionName(p identity.Principal) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(".@_-", r):
			return r
		}
		return -1
	}, p.Name)
	if name == "" {
		name = "portal"
	}
	sum := sha256.Sum256([]byte(p.ID()))
	return name[:min(len(name), 48)] + "-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:5]))
}

// assumeRole asks STS (AssumeRole, 2015-04-01). Whatever goes wrong, nothing
// was sent to Cloud Backup: no outcome is unknown.
func (c *Client) assumeRole(ctx context.Context, r role, region string) (Credentials, time.Time, *backup.CloudError) {
	own, failed := c.own(ctx, assumeRole)
	if failed != nil {
		return Credentials{}, time.Time{}, failed
	}
	asked := c.cfg.Now().Round(0)
	a := c.try(ctx, time.Time{}, c.origin(tokenHost(region)), own, func(cfg *sdk.Config, keys auth.Credential) error {
		return r.assume(cfg, keys, region)
	})
	secrets := append(secretsOf(own), r.account.ExternalID.Reveal())
	_, failed = verdict{action: assumeRole, prefix: assumeRolePrefix, plain: true, secrets: secrets}.judge(a)
	if failed != nil {
		failed.Unlisted = false // there is nothing to look for
		if errors.Is(failed, backup.ErrUnknownOutcome) {
			failed.Outcome = backup.ErrNotSent
		}
		return Credentials{}, time.Time{}, failed
	}
	keys, ends := readCredentials(a.answer.body, asked.Add(r.lifetime()))
	if keys.empty() || keys.SecurityToken.IsZero() {
		return Credentials{}, time.Time{}, &backup.CloudError{Action: assumeRole, Outcome: backup.ErrNotSent,
			HTTPStatus: a.answer.status, Cause: "the answer has no credentials"}
	}
	return keys, ends, nil
}

// assume hands the request to the SDK. The client is made without the
// package's own constructor, which fills a map of endpoints that all clients
// share, without a lock.
func (r role) assume(cfg *sdk.Config, keys auth.Credential, region string) error {
	client := &sts.Client{}
	if err := client.InitWithOptions(region, cfg, keys); err != nil {
		return err
	}
	request := sts.CreateAssumeRoleRequest() // a POST
	request.Scheme, request.Domain = cfg.Scheme, hostOf(cfg)
	request.RoleArn = r.account.RoleARN()
	request.RoleSessionName = sessionName(r.principal)
	request.ExternalId = r.account.ExternalID.Reveal()
	request.Policy = r.policy
	request.DurationSeconds = requests.NewInteger(int(r.lifetime() / time.Second))
	_, err := client.AssumeRole(request)
	return err
}

// readCredentials reads what AssumeRole gave, and when it ends. Without a time
// they end when they were asked to.
func readCredentials(body []byte, latest time.Time) (Credentials, time.Time) {
	var given struct {
		Credentials struct{ AccessKeyId, AccessKeySecret, SecurityToken, Expiration string }
	}
	if json.Unmarshal(body, &given) != nil {
		return Credentials{}, time.Time{}
	}
	ends, err := time.Parse(time.RFC3339, given.Credentials.Expiration)
	if err != nil {
		ends = latest
	}
	return Credentials{
		AccessKeyID:     given.Credentials.AccessKeyId,
		AccessKeySecret: secret.New(given.Credentials.AccessKeySecret),
		SecurityToken:   secret.New(given.Credentials.SecurityToken),
	}, ends
}
