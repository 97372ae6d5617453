package world

import (
	"regexp"
	"time"
)

// MaxAlias is the length of an Alias ("AddCrossAccount").
const MaxAlias = 32

// ResourceID is all that is known of ids besides their prefix.
var ResourceID = regexp.MustCompile(`^[A-Za-z0-9-]{3,64}$`)

// Shapes by the AssumeRole page.
var (
	ARNShape        = regexp.MustCompile(`^acs:ram::([0-9]{16}):(role|user)/([A-Za-z0-9._-]{1,64})$`)
	externalIDShape = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
)

// IsExternalID has the length apart: it is more than a regular expression of Go
// can count.
func IsExternalID(id string) bool {
	return len(id) >= 2 && len(id) <= 1224 && externalIDShape.MatchString(id)
}

// DefaultSession is how long a session lasts, and may last at most, unless the
// call or the role says otherwise ("AssumeRole").
const DefaultSession = time.Hour

// Shapes by the pages of RAM.
var (
	AccountIDShape = regexp.MustCompile(`^[1-9][0-9]{15}$`)
	RoleNameShape  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
)
