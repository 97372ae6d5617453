package aliyun

import (
	"context"
	"errors"
	"time"

	"backupportal/function/backup"
	"backupportal/function/lenhash"
)

// renewal is how long before their end kept credentials are no longer used.
const renewal = 300 * time.Second

// mostSessions bounds what a long-lived instance remembers: some 2 KB each.
const mostSessions = 16384

// key tells roles apart by everything that AssumeRole is told, and by whom it
// is for: session names may coincide. Credentials that were obtained for one
// person are never used for another. It is a hash, because external ids are secret.
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

// assumed are the credentials of the role of op's account: those that are
// kept, or new ones. Callers that need one role at the same time ask STS once.
func (c *Client) assumed(ctx context.Context, op operation) (Credentials, *backup.CloudError) {
	r := roleOf(op)
	keys, err := c.sessions.Get(ctx, r.key(), func(ctx context.Context) (Credentials, time.Time, error) {
		keys, ends, failed := c.assumeRole(ctx, r, op.target.Region)
		if failed != nil {
			return Credentials{}, time.Time{}, failed
		}
		return keys, ends.Add(-renewal), nil
	})
	return keys, cloudError(assumeRole, err)
}

// cloudError is what a cache returned instead of the answer to action: the caller's
// own copy of the cloud's error, or a call that was not made since the caller
// stopped waiting. Nil stays nil.
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

// drop forgets credentials that the cloud no longer accepts, unless they have
// been renewed meanwhile.
func (c *Client) drop(r role, refused Credentials) {
	c.sessions.DropIf(r.key(), func(keys Credentials) bool { return keys == refused })
}
