package backup

import (
	"time"

	"backupportal/function/secret"
)

// An Account is what an alias in the policy stands for. Nothing of it ever
// comes from a request.
type Account struct {
	Alias      string
	ID         string // 16 digits; text, since it may exceed 2^53
	Access     Access
	Role       string        // the role's name in that account, unless Access is Own
	ExternalID secret.String // for AssumeRole, if the role demands one

	ExternalIDVariable string // of the environment, which holds it

	Session time.Duration // of AssumeRole, how long credentials are asked for; 0: 15 minutes

	// Through is the account, with AssumeRole, whose role makes the calls for one
	// with HBRCrossAccount, and in which its backups are kept; nil: the portal's own.
	Through *Account
	Regions []string
}

// RoleARN is the resource name of the account's role, built and never accepted.
func (a Account) RoleARN() string { return "acs:ram::" + a.ID + ":role/" + a.Role }

// Caller is the account whose credentials calls for a are signed with, as long as
// that is not the portal's own.
func (a Account) Caller() Account {
	if a.Through != nil {
		return *a.Through
	}
	return a
}

// An Access says how the portal reaches the resources of an account.
type Access string

// The ways into an account. The last two are never combined: with both, the
// snapshot would be of one account and its copy of another.
const (
	Own             Access = "own"               // the account in which the portal runs
	AssumeRole      Access = "assume_role"       // STS AssumeRole, then act as that account
	HBRCrossAccount Access = "hbr_cross_account" // the service's own CrossAccount* parameters
)
