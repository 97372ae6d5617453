package world

import (
	"regexp"
	"time"
)

// MaxAlias is the maximum number of characters of an Alias ("AddCrossAccount").
const MaxAlias = 32

// ResourceID matches the ids of resources. The vendor documents only their prefixes.
var ResourceID = regexp.MustCompile(`^[A-Za-z0-9-]{3,64}$`)

// Shapes by the page of AssumeRole. The groups of ARNShape are account id, "role" or "user", and
// name.
var (
	ARNShape        = regexp.MustCompile(`^acs:ram::([0-9]{16}):(role|user)/([A-Za-z0-9._-]{1,64})$`)
	externalIDShape = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
)

// IsExternalID reports whether id is a valid ExternalId: 2 to 1224 allowed characters. The length
// is not part of the pattern, because Go's regular expressions count only up to 1000.
func IsExternalID(id string) bool {
	return len(id) >= 2 && len(id) <= 1224 && externalIDShape.MatchString(id)
}

// DefaultSession is the duration of a session if neither the call nor the role sets another, and
// the default maximum of a role ("AssumeRole").
const DefaultSession = time.Hour

// Shapes by the pages of RAM.
var (
	AccountIDShape = regexp.MustCompile(`^[1-9][0-9]{15}$`)
	RoleNameShape  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
)
