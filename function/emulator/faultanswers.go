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

// ends makes a fault of how the answer ends, if there is one.
func ends(how ending) func(*call, fault, *reply) {
	return func(_ *call, _ fault, rep *reply) {
		if rep.ending = how; how != endHalf {
			rep.status, rep.code = 0, ""
		}
	}
}

// refuses makes a fault of one of the gateway's refusals.
func refuses(status int, code string) func(*call, fault, *reply) {
	return func(k *call, _ fault, rep *reply) { rep.refuse(k, status, code) }
}

func refusesAsToldTo(k *call, f fault, rep *reply) { rep.refuse(k, f.status, f.text) }

// successFalse is Cloud Backup's own form of a refusal, whatever the product.
func successFalse(k *call, f fault, rep *reply) { rep.refuse(k, http.StatusOK, f.text) }

// refuse replaces an answer by a refusal, in the form that all others have.
func (rep *reply) refuse(k *call, status int, code string) {
	*rep = newReply(k, nil, refuse(status, code, "the emulator was told to fail"))
}

// throttledWithHeaders has the headers that newer clients take their pause
// from. That TimeLeft counts milliseconds is not confirmed.
func throttledWithHeaders(k *call, _ fault, rep *reply) {
	rep.refuse(k, http.StatusBadRequest, "Throttling.User")
	const limit = "Limit:1,Remain:0,TimeLeft:2000,Reset:1234"
	rep.header = http.Header{"X-Ratelimit-User-Api": {limit}, "X-Ratelimit-User": {limit}}
}

// signatureEcho repeats what the request was signed over, as the real refusal
// does. A temporary token is part of that, which makes it a trap for whoever
// logs messages.
func signatureEcho(k *call, _ fault, rep *reply) {
	*rep = newReply(k, nil, signatureMismatch(k.signing))
}

// numericCode is an error body that breaks clients which take Code for text.
func numericCode(k *call, _ fault, rep *reply) {
	rep.refuse(k, http.StatusBadRequest, "400")
	rep.edit(func(object map[string]json.RawMessage) { object["Code"] = json.RawMessage("400") })
}

// numericSuccess shows the Code of a success as a number, as some pages do.
func numericSuccess(_ *call, _ fault, rep *reply) {
	rep.edit(func(object map[string]json.RawMessage) {
		if _, ok := object["Code"]; ok && rep.code == "" {
			object["Code"] = json.RawMessage("200")
		}
	})
}

func withoutJobID(_ *call, _ fault, rep *reply) {
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
func badJSON(_ *call, _ fault, rep *reply) {
	rep.body = bytes.Replace(rep.body, []byte(`":`), []byte(`"=`), 1)
}

// oversized pads in front, so that whoever stops reading has nothing.
func oversized(_ *call, _ fault, rep *reply) {
	rest := bytes.TrimPrefix(rep.body, []byte("{"))
	rep.body = append(append([]byte("{"), bytes.Repeat([]byte(" "), oversizedBody)...), rest...)
}

// htmlPage is what a proxy says for itself: no JSON, no request id.
func htmlPage(_ *call, f fault, rep *reply) {
	title := fmt.Sprint(f.status, " ", http.StatusText(f.status))
	*rep = foreign(f.status, rep.requestID)
	rep.header.Set("Content-Type", "text/html; charset=utf-8")
	rep.body = fmt.Appendf(nil, "<html><head><title>%[1]s</title></head><body><h1>%[1]s</h1></body></html>\n", title)
}

func emptyAnswer(_ *call, f fault, rep *reply) { *rep = foreign(f.status, rep.requestID) }

// redirected sends the client, with its method and body, elsewhere: to a given
// address, or back to where it came from.
func redirected(k *call, f fault, rep *reply) {
	*rep = foreign(http.StatusTemporaryRedirect, rep.requestID)
	to := f.text
	if to == "" {
		to = k.http.URL.RequestURI()
	}
	rep.header.Set("Location", to)
}

// foreign is an answer of somebody on the way, without a body. The request id
// is for the ledger; the client does not see it.
func foreign(status int, requestID string) reply {
	return reply{status: status, requestID: requestID, header: http.Header{"Content-Type": nil, "X-Acs-Request-Id": nil}}
}
