package rpc

import (
	"fmt"
	"net/http"

	"backupportal/function/emulator/sign"
)

// A refusal is an answer that is no success. With status 200 it is one of
// Cloud Backup's own, which come as Success:false; with any other it has the
// gateway's form.
type refusal struct {
	status  int
	code    string
	message string

	denied *AccessDenied // of a refusal by RAM
}

// Error is for tests and panics; clients read the fields.
func (r refusal) Error() string { return r.code + ": " + r.message }

// Refuse makes a refusal whose status and code stand where the rule stands. The
// vendor publishes codes, hardly any messages; the messages are ours.
func Refuse(status int, code, format string, args ...any) error {
	return refusal{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// Missing is the gateway's answer to a required parameter that is absent or empty.
func Missing(name string) error {
	return Refuse(http.StatusBadRequest, "Missing"+name, "%s is mandatory for this action", name)
}

// Invalid is the gateway's answer to a value outside what the operation's page allows.
func Invalid(name, format string, args ...any) error {
	return Refuse(http.StatusBadRequest, "InvalidParameter", "%s: %s", name, fmt.Sprintf(format, args...))
}

// NotFound is Cloud Backup's answer to a thing that is not in this account and region.
func NotFound(name, value string) error {
	return Refuse(http.StatusNotFound, "ResourceNotFound", "%s: %q does not exist here", name, value)
}

// SignatureMismatch repeats what should have been signed, as the vendor does: its
// client compares that with its own.
func SignatureMismatch(s sign.Signing) error {
	return Refuse(http.StatusBadRequest, "SignatureDoesNotMatch",
		"specified signature is not matched with our calculation. %sserver string to sign is:%s", s.Detail, s.Text)
}
