package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

// oversizedBody is how much longer than usual an oversized answer is, in
// bytes: clients that stop reading stop at 1 MiB or so.
const oversizedBody = 8 << 20

// A faultyCall is what faults have to know of the call whose answer they make.
type faultyCall interface {
	// refusal is an answer in the form of the product that was called.
	refusal(status int, code string) reply

	// signatureEcho is the refusal of a signature, with what was signed.
	signatureEcho() reply

	// requestURI is where the call was sent.
	requestURI() string
}

// ends makes a fault of how the answer ends, if there is one.
func ends(how ending) func(faultyCall, fault, *reply) {
	return func(_ faultyCall, _ fault, rep *reply) {
		if rep.ending = how; how != endHalf {
			rep.status, rep.code = 0, ""
		}
	}
}

// refuses makes a fault of one of the gateway's refusals.
func refuses(status int, code string) func(faultyCall, fault, *reply) {
	return func(k faultyCall, _ fault, rep *reply) { *rep = k.refusal(status, code) }
}

func refusesAsToldTo(k faultyCall, f fault, rep *reply) { *rep = k.refusal(f.status, f.text) }

// successFalse is Cloud Backup's own form of a refusal, whatever the product.
func successFalse(k faultyCall, f fault, rep *reply) { *rep = k.refusal(http.StatusOK, f.text) }

// throttledWithHeaders has the headers that newer clients take their pause
// from. That TimeLeft counts milliseconds is not confirmed.
func throttledWithHeaders(k faultyCall, _ fault, rep *reply) {
	*rep = k.refusal(http.StatusBadRequest, "Throttling.User")
	const limit = "Limit:1,Remain:0,TimeLeft:2000,Reset:1234"
	rep.header = http.Header{"X-Ratelimit-User-Api": {limit}, "X-Ratelimit-User": {limit}}
}

// signatureEcho repeats what the request was signed over, as the real refusal
// does. A temporary token is part of that, which makes it a trap for whoever
// logs messages.
func signatureEcho(k faultyCall, _ fault, rep *reply) {
	*rep = k.signatureEcho()
}

// numericCode is an error body that breaks clients which take Code for text.
func numericCode(k faultyCall, _ fault, rep *reply) {
	*rep = k.refusal(http.StatusBadRequest, "400")
	rep.edit(func(object map[string]json.RawMessage) { object["Code"] = json.RawMessage("400") })
}

// numericSuccess shows the Code of a success as a number, as some pages do.
func numericSuccess(_ faultyCall, _ fault, rep *reply) {
	rep.edit(func(object map[string]json.RawMessage) {
		if _, ok := object["Code"]; ok && rep.code == "" {
			object["Code"] = json.RawMessage("200")
		}
	})
}

func withoutJobID(_ faultyCall, _ fault, rep *reply) {
	rep.edit(func(object map[string]json.RawMessage) { delete(object, "JobId") })
}

// edit changes the top level of a JSON answer.
func (rep *reply) edit(change func(map[string]json.RawMessage)) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(rep.body, &object); err != nil {
		return // no object, nothing to change
	}
	change(object)
	rep.body = encode(object)
}

// badJSON is as long as it says and not JSON from its first name on.
func badJSON(_ faultyCall, _ fault, rep *reply) {
	rep.body = bytes.Replace(rep.body, []byte(`":`), []byte(`"=`), 1)
}

// oversized pads in front, so that whoever stops reading has nothing.
func oversized(_ faultyCall, _ fault, rep *reply) {
	rest := bytes.TrimPrefix(rep.body, []byte("{"))
	rep.body = append(append([]byte("{"), bytes.Repeat([]byte(" "), oversizedBody)...), rest...)
}

// htmlPage is what a proxy says for itself: no JSON, no request id.
func htmlPage(_ faultyCall, f fault, rep *reply) {
	title := fmt.Sprint(f.status, " ", http.StatusText(f.status))
	*rep = foreign(f.status, rep.requestID)
	rep.header.Set("Content-Type", "text/html; charset=utf-8")
	rep.body = fmt.Appendf(nil, "<html><head><title>%[1]s</title></head><body><h1>%[1]s</h1></body></html>\n", title)
}

func emptyAnswer(_ faultyCall, f fault, rep *reply) { *rep = foreign(f.status, rep.requestID) }

// redirected sends the client, with its method and body, elsewhere: to a given
// address, or back to where it came from.
func redirected(k faultyCall, f fault, rep *reply) {
	*rep = foreign(http.StatusTemporaryRedirect, rep.requestID)
	to := f.text
	if to == "" {
		to = k.requestURI()
	}
	rep.header.Set("Location", to)
}

// foreign is an answer of somebody on the way, without a body. The request id
// is for the ledger; the client does not see it.
func foreign(status int, requestID string) reply {
	return reply{status: status, requestID: requestID, header: http.Header{"Content-Type": nil, "X-Acs-Request-Id": nil}}
}
