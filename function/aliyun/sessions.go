package aliyun

import (
	"context"
	"errors"
	"time"

	"backupportal/function/backup"
	"backupportal/function/lenhash"
)

// renewBefore is how long before their expiry cached credentials are no longer used. This time
// is reserved for calls that have started and for clocks that differ.
const renewBefore = 300 * time.Second

// maxSessions is the maximum number of cached credentials. One needs about 2 KB.
const maxSessions = 16384

// key returns the cache key of r: a hash of all parameters of AssumeRole and of the principal's
// ID. The ID is part of it because two principals can have the same session name, but must not
// share credentials. It is a hash because the external id is a secret.
func (r role) key() string {
	a := r.account
	sum := lenhash.Sum(
		a.Alias,
		a.RoleARN(),
		r.principal.ID(),
		sessionName(r.principal),
		a.ExternalID.Reveal(),
		a.Session.String(),
		r.policy,
	)
	return string(sum[:])
}

// roleCredentials returns credentials of the role for op, from the cache or from STS.
// Simultaneous callers that need the same credentials share one call of STS.
func (c *Client) roleCredentials(ctx context.Context, op operation) (Credentials, *backup.CloudError) {
	r := roleOf(op)
	keys, err := c.sessions.Get(ctx, r.key(), func(ctx context.Context) (Credentials, time.Time, error) {
		keys, ends, failed := c.assumeRole(ctx, r, op.target.Region)
		if failed != nil {
			return Credentials{}, time.Time{}, failed
		}
		return keys, ends.Add(-renewBefore), nil
	})
	return keys, cloudError(assumeRole, err)
}

// cloudError converts an error of a cache to a CloudError. It copies a CloudError, because
// several callers share it and may change it. Every other error means that the caller's context
// ended before the call; it becomes ErrNotSent with this action. Nil stays nil.
func cloudError(action string, err error) *backup.CloudError {
	if err == nil {
		return nil
	}
	if shared, ok := errors.AsType[*backup.CloudError](err); ok {
		own := *shared
		return &own
	}
	return &backup.CloudError{Action: action, Outcome: backup.ErrNotSent, Cause: cause(err)}
}

// drop removes the credentials keys of r, which the cloud has refused, from the cache. It does
// nothing if another call has already replaced them.
func (c *Client) drop(r role, refused Credentials) {
	c.sessions.DropIf(r.key(), func(keys Credentials) bool { return keys == refused })
}
