package aliyun

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"backupportal/function/backup"
	"backupportal/function/pattern"
)

// A verdict has the settings with which judge classifies the result of one attempt (one HTTP
// request).
type verdict struct {
	action     string // the operation
	service    backup.CloudService
	prefix     string   // before its codes, to tell the codes of STS from those of Cloud Backup
	statusOnly bool     // success is the status alone: STS answers without Success and Code
	secrets    []string // a message with one of these in it is dropped
}

// judge decides what an attempt (one HTTP request) has caused, by the table in the comment of
// the package. It uses only what the transport received, never the error of the SDK. The error
// is nil if the operation succeeded. The returned response has all values that could be read,
// also with an error.
//
// Only a documented error code proves that the cloud refused the operation. A server error can
// come from a gateway after the service has made the job, so it proves nothing.
func (v verdict) judge(a *attempt) (response, *backup.CloudError) {
	e := &backup.CloudError{Action: v.action, Service: v.service, Outcome: backup.ErrUnknownOutcome}
	if a.answer == nil {
		if !a.sent() {
			e.Outcome = backup.ErrNotSent
		}
		e.Cause = cause(a.err)
		return response{}, e
	}
	r := parseResponse(a.answer.body)
	if v.succeeded(a.answer.status, r) {
		return r, nil
	}
	e.HTTPStatus, e.RequestID, e.Code = a.answer.status, r.requestID, v.code(r)
	e.Denial = r.denial
	if e.Cause = whyUnknown(a.answer.status, r); e.Cause != "" {
		return r, e
	}
	known, listed := meaningOf(e.Code)
	e.Outcome, e.Temporary, e.Unlisted, e.Cause = known.outcome, known.temporary, !listed, "answered"
	e.Message = cleanMessage(r.message, v.secrets)
	if !listed {
		e.Outcome, e.Cause = backup.ErrRefused, "undocumented code"
	}
	if errors.Is(e.Outcome, backup.ErrThrottled) {
		e.RetryAfter = retryAfter(a.answer.header)
	}
	return r, e
}

// succeeded reports whether the operation succeeded. Cloud Backup sends refusals with status
// 200 too, so its Success and Code must also show success. For ECS and STS a 2xx status is
// enough: their responses have no such members.
func (v verdict) succeeded(status int, r response) bool {
	if status < 200 || status > 299 || !r.object {
		return false
	}
	return v.statusOnly || r.success == "true" && r.code == "200"
}

// whyUnknown returns why a response that is not a success is not a clear refusal either. It
// returns "" if the response is a clear refusal.
func whyUnknown(status int, r response) string {
	switch {
	case status >= 500:
		return "server error"
	case status >= 300 && status < 400:
		return "redirect, not followed"
	case !r.object:
		return "the answer is no JSON object"
	case r.code == "" || r.code == "200":
		return "the answer has no error code"
	case status < 400 && r.success != "false":
		return "neither success nor refusal"
	}
	return ""
}

// code returns the error code of r after v.prefix, or "" if r has none. It writes "Unreadable"
// instead of a text that does not have the form of an error code.
func (v verdict) code(r response) string {
	switch {
	case r.code == "" || r.code == "200":
		return ""
	case !pattern.Match(word, v.prefix+r.code):
		return v.prefix + unreadable
	}
	return v.prefix + r.code
}

// A fault is the reason, as an error, why there is no response. Its text is constant and has no
// secret, so it can be shown.
type fault string

// Error returns the text.
func (f fault) Error() string { return string(f) }

// The faults of an attempt.
const (
	errExpired       fault = "the deadline had passed"
	errSecondRequest fault = "a second request was blocked"
	errForeignHost   fault = "a request to another host was blocked"
	errTooLarge      fault = "the answer is too large"
	errPanic         fault = "the SDK panicked"
	errBuild         fault = "the SDK could not build the request"
	errUnanswered    fault = "no answer" // the only error that the SDK gets
)

// cause returns a short text that says why there is no response. It never contains the text of
// err, because errors of net/http contain the signed URL, which contains the token. For an
// unknown error it is the Go type of the innermost error.
func cause(err error) string {
	if f, ok := errors.AsType[fault](err); ok {
		return f.Error()
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return backup.CauseCertificate
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "name not found"
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case timedOut(err):
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection cut"
	}
	return fmt.Sprintf("connection failed (%T)", innermost(err))
}

// timedOut reports whether err is a timeout of a context or of the network.
func timedOut(err error) bool {
	network, ok := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || ok && network.Timeout()
}

// innermost returns the last error in the chain of err.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
