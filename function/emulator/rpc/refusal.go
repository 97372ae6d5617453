package rpc

import (
	"fmt"
	"net/http"

	"backupportal/function/emulator/sign"
)

// A cloudError is a refusal by the emulated cloud. With status 200 it is sent in the form of
// Cloud Backup, which has Success:false; with any other status in the form of the gateway.
type cloudError struct {
	status  int
	code    string
	message string

	denied *AccessDenied // detail of a refusal by RAM, otherwise nil
}

// Error returns code and message. Clients do not see this text; they read the fields of the
// reply.
func (r cloudError) Error() string { return r.code + ": " + r.message }

// Refuse returns a refusal. The status and the code must be those of the vendor's page about
// the violated rule. The messages are the emulator's own, because the vendor publishes few of
// them.
func Refuse(status int, code, format string, args ...any) error {
	return cloudError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// Missing returns the gateway's refusal of a required parameter that is absent or empty:
// Missing<name>.
func Missing(name string) error {
	return Refuse(http.StatusBadRequest, "Missing"+name, "%s is mandatory for this action", name)
}

// Invalid returns the gateway's refusal of a value that the vendor's page of the operation does not
// allow: InvalidParameter.
func Invalid(name, format string, args ...any) error {
	return Refuse(http.StatusBadRequest, "InvalidParameter", "%s: %s", name, fmt.Sprintf(format, args...))
}

// NotFound returns Cloud Backup's refusal of a resource that does not exist in this account and
// region: ResourceNotFound.
func NotFound(name, value string) error {
	return Refuse(http.StatusNotFound, "ResourceNotFound", "%s: %q does not exist here", name, value)
}

// SignatureMismatch returns the refusal of a wrong signature. Its message contains the string
// to sign as the server computed it: the vendor's client compares it with its own string and
// reports the difference.
func SignatureMismatch(s sign.Signing) error {
	return Refuse(http.StatusBadRequest, "SignatureDoesNotMatch",
		"specified signature is not matched with our calculation. %sserver string to sign is:%s", s.Detail, s.Text)
}
