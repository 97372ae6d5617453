package emulator

import (
	"fmt"
	"net/http"
)

// A refusal is an answer that is no success. With status 200 it is one of
// Cloud Backup's own, which come as Success:false; with any other it has the
// gateway's form.
type refusal struct {
	status  int
	code    string
	message string
}

// Error is for tests and panics; clients read the fields.
func (r refusal) Error() string { return r.code + ": " + r.message }

// refuse makes a refusal whose status and code stand where the rule stands. The
// vendor publishes codes, hardly any messages; the messages are ours.
func refuse(status int, code, format string, args ...any) error {
	return refusal{status, code, fmt.Sprintf(format, args...)}
}

// missing is the gateway's answer to a required parameter that is absent or empty.
func missing(name string) error {
	return refuse(http.StatusBadRequest, "Missing"+name, "%s is mandatory for this action", name)
}

// invalid is the gateway's answer to a value outside what the operation's page allows.
func invalid(name, format string, args ...any) error {
	return refuse(http.StatusBadRequest, "InvalidParameter", "%s: %s", name, fmt.Sprintf(format, args...))
}

// notFound is Cloud Backup's answer to a thing that is not in this account and region.
func notFound(name, value string) error {
	return refuse(http.StatusNotFound, "ResourceNotFound", "%s: %q does not exist here", name, value)
}

// noPermission is one answer for every reason, as the vendor gives it: a caller
// does not learn which policy is in the way.
func noPermission(who identity, action string) error {
	return refuse(http.StatusForbidden, "NoPermission", "%s is not authorized to perform %s", who.arn(), action)
}
