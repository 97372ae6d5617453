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

// defaultLifetime is how long temporary credentials of a role are valid if the portal's policy
// sets no duration. It is the shortest duration that STS allows.
const defaultLifetime = 900 * time.Second

// lifetime returns how long the temporary credentials of r shall be valid.
func (r role) lifetime() time.Duration { return cmp.Or(r.account.Session, defaultLifetime) }

// A role has the input of one call of AssumeRole: the account whose role is assumed, and the
// principal (person or program) for whom it is assumed.
type role struct {
	account   backup.Account
	principal identity.Principal
	policy    string // limits the session (STS, AssumeRole, Policy); empty: all rights of the role
}

// roleOf returns the role that the portal must assume to call op. Its session policy limits the
// temporary credentials to the one action of op.
func roleOf(op operation) role {
	return role{account: op.target.Account.Caller(), principal: op.target.Principal, policy: op.sessionPolicy()}
}

// sessionName returns the session name, which the audit trail of the cloud shows. It consists
// of the principal's name and 40 bits of the hash of the principal's ID, because several
// principals can have the same name. STS allows 2 to 64 letters, digits and characters of
// ".@_-" (AssumeRole, RoleSessionName). A name without such characters becomes "portal".
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

// assumeRole calls STS (AssumeRole, API version 2015-04-01). It returns the credentials and
// the time when they expire. The error is never ErrUnknownOutcome, because a failed call
// has no effect: it is ErrNotSent instead.
func (c *Client) assumeRole(
	ctx context.Context, r role, region string,
) (keys Credentials, ends time.Time, failed *backup.CloudError) {
	own, failed := c.ownCredentials(ctx, assumeRole)
	if failed != nil {
		return Credentials{}, time.Time{}, failed
	}
	began := time.Now()
	defer func() { c.observe(ctx, assumeRole, began, failed) }()
	asked := c.cfg.Now().Round(0)
	a := c.send(ctx, time.Time{}, c.origin(tokenHost(region)), own, func(cfg *sdk.Config, keys auth.Credential) error {
		return r.assume(cfg, keys, region)
	})
	secrets := append(secretsOf(own), r.account.ExternalID.Reveal())
	_, failed = verdict{
		action:     assumeRole,
		service:    backup.STS,
		prefix:     assumeRolePrefix,
		statusOnly: true,
		secrets:    secrets,
	}.judge(a)
	if failed != nil {
		failed.Unlisted = false // no job can exist
		if errors.Is(failed, backup.ErrUnknownOutcome) {
			failed.Outcome = backup.ErrNotSent
		}
		return Credentials{}, time.Time{}, failed
	}
	keys, ends = readCredentials(a.answer.body, asked.Add(r.lifetime()))
	if keys.empty() || keys.SecurityToken.IsZero() {
		return Credentials{}, time.Time{}, &backup.CloudError{Action: assumeRole, Outcome: backup.ErrNotSent,
			HTTPStatus: a.answer.status, Cause: "the answer has no credentials"}
	}
	return keys, ends, nil
}

// assume calls AssumeRole with the general client of the SDK. It does not use the client of the
// SDK's sts package, because its constructor writes to a map of all clients without a lock.
func (r role) assume(cfg *sdk.Config, keys auth.Credential, region string) error {
	client := &sts.Client{}
	if err := client.InitWithOptions(region, cfg, keys); err != nil {
		return err
	}
	hideProxies(&client.Client)
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

// readCredentials reads the response of AssumeRole. It returns latest as the time of expiry if
// the response has no valid time; the caller computes latest from the requested duration. If
// the credentials cannot be read, they are empty.
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
