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
)

// A verdict is how an attempt is to be judged.
type verdict struct {
	action  string   // the operation
	prefix  string   // before its codes, to tell the codes of STS from those of Cloud Backup
	plain   bool     // success is the status alone: STS answers without Success and Code
	secrets []string // a message with one of these in it is dropped
}

// judge says what became of an attempt, from what the transport saw and never
// from the error of the SDK. The error is nil if the operation succeeded.
//
// Only a code tells a refusal from an answer that got lost on the way back:
// whatever is not surely without effect is an unknown outcome.
func (v verdict) judge(a *attempt) (response, *backup.CloudError) {
	e := &backup.CloudError{Action: v.action, Outcome: backup.ErrUnknownOutcome}
	if a.answer == nil {
		if !a.sent() {
			e.Outcome = backup.ErrNotSent
		}
		e.Cause = cause(a.err)
		return response{}, e
	}
	r := read(a.answer.body)
	if v.succeeded(a.answer.status, r) {
		return r, nil
	}
	e.HTTPStatus, e.RequestID, e.Code = a.answer.status, r.requestID, v.code(r)
	e.Denial = r.denial
	if e.Cause = doubt(a.answer.status, r); e.Cause != "" {
		return r, e
	}
	known, listed := meaningOf(e.Code)
	e.Outcome, e.Passing, e.Unlisted, e.Cause = known.outcome, known.passing, !listed, "answered"
	switch {
	case !listed:
		e.Outcome, e.Cause = backup.ErrRefused, "undocumented code"
	case known.message:
		e.Message = cleanMessage(r.message, v.secrets)
	}
	if errors.Is(e.Outcome, backup.ErrThrottled) {
		e.RetryAfter = retryAfter(a.answer.header)
	}
	return r, e
}

// succeeded is the rule of Cloud Backup: it reports refusals with status 200.
func (v verdict) succeeded(status int, r response) bool {
	if status < 200 || status > 299 || !r.object {
		return false
	}
	return v.plain || r.success == "true" && r.code == "200"
}

// doubt says why an answer that is no success is no refusal either; "" if it
// is one.
func doubt(status int, r response) string {
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

// code is the code of an answer as the portal names it, or "".
func (v verdict) code(r response) string {
	switch {
	case r.code == "" || r.code == "200":
		return ""
	case !word.MatchString(v.prefix + r.code):
		return v.prefix + unreadable
	}
	return v.prefix + r.code
}

// A fault is a reason of our own for which there is no answer. Its text is
// constant, so that it can be shown.
type fault string

// Error is the text.
func (f fault) Error() string { return string(f) }

// Why there is no answer, beside what the network says.
const (
	errLate       fault = "the deadline had passed"
	errTwice      fault = "a second request was blocked"
	errElsewhere  fault = "a request to another host was blocked"
	errTooLarge   fault = "the answer is too large"
	errPanic      fault = "the SDK panicked"
	errBuild      fault = "the SDK could not build the request"
	errUnanswered fault = "no answer" // all that the SDK is told
)

// cause says why there is no answer, as a kind of error. The text of err is
// left behind: transports quote the signed address, and with it the token.
func cause(err error) string {
	if f, ok := errors.AsType[fault](err); ok {
		return f.Error()
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "certificate not trusted"
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
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection cut"
	}
	return fmt.Sprintf("connection failed (%T)", innermost(err))
}

func timedOut(err error) bool {
	network, ok := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || ok && network.Timeout()
}

func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
