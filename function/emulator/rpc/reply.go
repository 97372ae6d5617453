package rpc

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"

	"backupportal/function/emulator/fault"
	"backupportal/function/emulator/plainjson"
)

// An Envelope holds the members that every answer of Cloud Backup has.
type Envelope struct {
	RequestId string
	Success   bool
	Code      any // a text; the number 200 in successes of operations with Numeric
	Message   string
}

// Success returns the members of a successful answer. Code is documented as a text, but the
// vendor's samples of some operations show a number (api.Operation.Numeric). The emulator
// returns the form of the sample, so that a client that reads only one of the two forms fails
// in its tests.
func Success(k *Call) Envelope {
	env := Envelope{RequestId: k.ID, Success: true, Code: "200", Message: "successful"}
	if k.Op.Numeric {
		env.Code = http.StatusOK
	}
	return env
}

// A gatewayError is the body of a refusal by the gateway, STS or ECS.
type gatewayError struct {
	RequestId, HostId, Code, Message, Recommend string

	AccessDeniedDetail *AccessDenied `json:",omitempty"`
}

// Accepted is the body of a call that was stored and not carried out yet: the answer is 202 without a body.
type Accepted struct{}

// NewReply returns the complete reply of a call: body as JSON if err is nil, otherwise the refusal of
// err.
func NewReply(k *Call, body any, err error) fault.Reply {
	rep := fault.Reply{Status: http.StatusOK, RequestID: k.ID}
	if err != nil {
		rep.Status, rep.Code, body = refusalBody(k, err)
	}
	if body == (Accepted{}) {
		rep.Status = http.StatusAccepted
		return rep
	}
	rep.Body = plainjson.Encode(body)
	return rep
}

// refusalBody returns the status, the code and the body for err. An error that is not a refusal
// is a bug of the emulator; the client then receives InternalError without the error's text.
func refusalBody(k *Call, err error) (status int, code string, body any) {
	r, ok := errors.AsType[cloudError](err)
	if !ok {
		r = cloudError{status: http.StatusInternalServerError, code: "InternalError",
			message: "the request processing has failed due to some unknown error"}
	}
	if r.status == http.StatusOK {
		return r.status, r.code, Envelope{RequestId: k.ID, Code: r.code, Message: r.message}
	}
	return r.status, r.code, gatewayError{
		RequestId: k.ID, HostId: k.HTTP.Host, Code: r.code, Message: r.message,
		Recommend:          "https://api.aliyun.com/troubleshoot?q=" + r.code,
		AccessDeniedDetail: r.denied,
	}
}

// newRequestID returns a random UUID in upper case, the vendor's form.
func newRequestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Refusal returns a refusal with the given status and code in the form of the called product. It
// implements [fault.Call].
func (k *Call) Refusal(status int, code string) fault.Reply {
	return NewReply(k, nil, Refuse(status, code, "the emulator was told to fail"))
}

// SignatureEcho returns the refusal of a wrong signature. It is for the fault signature-echo:
// the signature of the call is correct. It implements [fault.Call].
func (k *Call) SignatureEcho() fault.Reply { return NewReply(k, nil, SignatureMismatch(k.Signing)) }

// RequestURI returns path and query of the request. It implements [fault.Call].
func (k *Call) RequestURI() string { return k.HTTP.URL.RequestURI() }
