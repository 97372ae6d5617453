package aliyun

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// A fault is a reason of our own for which there is no answer. Its text is
// constant, so that it can be shown.
type fault string

// Error is the text.
func (f fault) Error() string { return string(f) }

// Why there is no answer, beside what the network says.
const (
	errLate       fault = "the deadline had passed"
	errTwice      fault = "a second request was held back"
	errElsewhere  fault = "a request to another place was held back"
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
