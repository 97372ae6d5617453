package rpc

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"

	"backupportal/function/emulator/fault"
	"backupportal/function/emulator/plainjson"
)

// Envelope is in every answer of Cloud Backup.
type Envelope struct {
	RequestId string
	Success   bool
	Code      any // a text, or the number 200 of some successes
	Message   string
}

// Success is the envelope of a call that did what it should. Code is documented
// as text, and the samples of some operations show a number in its place: a
// client that reads only one of the two must fail here and not at the vendor's.
func Success(k *Call) Envelope {
	env := Envelope{RequestId: k.ID, Success: true, Code: "200", Message: "successful"}
	if k.Op.Numeric {
		env.Code = http.StatusOK
	}
	return env
}

// gatewayError is the form of the gateway's refusals, and of those of STS and ECS.
type gatewayError struct {
	RequestId, HostId, Code, Message, Recommend string

	AccessDeniedDetail *AccessDenied `json:",omitempty"`
}

// NewReply completes an answer: body, or what err says if it is not nil.
func NewReply(k *Call, body any, err error) fault.Reply {
	rep := fault.Reply{Status: http.StatusOK, RequestID: k.ID}
	if err != nil {
		rep.Status, rep.Code, body = refusalBody(k, err)
	}
	rep.Body = plainjson.Encode(body)
	return rep
}

// refusalBody turns an error into an answer. One that is no refusal is a mistake
// of the emulator, and its text stays inside.
func refusalBody(k *Call, err error) (status int, code string, body any) {
	r, ok := errors.AsType[refusal](err)
	if !ok {
		r = refusal{status: http.StatusInternalServerError, code: "InternalError",
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

// newRequestID returns a random UUID in the upper case of the vendor's.
func newRequestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Refusal is the answer to a call that was told to fail, in the form that the
// product has for it.
func (k *Call) Refusal(status int, code string) fault.Reply {
	return NewReply(k, nil, Refuse(status, code, "the emulator was told to fail"))
}

// SignatureEcho is the refusal of the call's signature, right as it may be.
func (k *Call) SignatureEcho() fault.Reply { return NewReply(k, nil, SignatureMismatch(k.Signing)) }

// RequestURI is where the call was sent.
func (k *Call) RequestURI() string { return k.HTTP.URL.RequestURI() }
