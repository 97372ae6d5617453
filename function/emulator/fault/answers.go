package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"backupportal/function/emulator/plainjson"
)

// OversizedBody is how much longer than usual an oversized answer is, in
// bytes: clients that stop reading stop at 1 MiB or so.
const OversizedBody = 8 << 20

// A Call is what faults have to know of the call whose answer they make.
type Call interface {
	// refusal is an answer in the form of the product that was called.
	Refusal(status int, code string) Reply

	// signatureEcho is the refusal of a signature, with what was signed.
	SignatureEcho() Reply

	// requestURI is where the call was sent.
	RequestURI() string
}

// ends makes a fault of how the answer ends, if there is one.
func ends(how ending) func(Call, Fault, *Reply) {
	return func(_ Call, _ Fault, rep *Reply) {
		if rep.ending = how; how != endHalf {
			rep.Status, rep.Code = 0, ""
		}
	}
}

// refuses makes a fault of one of the gateway's refusals.
func refuses(status int, code string) func(Call, Fault, *Reply) {
	return func(k Call, _ Fault, rep *Reply) { *rep = k.Refusal(status, code) }
}

func refusesAsToldTo(k Call, f Fault, rep *Reply) { *rep = k.Refusal(f.status, f.text) }

// successFalse is Cloud Backup's own form of a refusal, whatever the product.
func successFalse(k Call, f Fault, rep *Reply) { *rep = k.Refusal(http.StatusOK, f.text) }

// throttledWithHeaders has the headers that newer clients take their pause
// from. That TimeLeft counts milliseconds is not confirmed.
func throttledWithHeaders(k Call, _ Fault, rep *Reply) {
	*rep = k.Refusal(http.StatusBadRequest, "Throttling.User")
	const limit = "Limit:1,Remain:0,TimeLeft:2000,Reset:1234"
	rep.header = http.Header{"X-Ratelimit-User-Api": {limit}, "X-Ratelimit-User": {limit}}
}

// signatureEcho repeats what the request was signed over, as the real refusal
// does. A temporary token is part of that, which makes it a trap for whoever
// logs messages.
func signatureEcho(k Call, _ Fault, rep *Reply) {
	*rep = k.SignatureEcho()
}

// numericCode is an error body that breaks clients which take Code for text.
func numericCode(k Call, _ Fault, rep *Reply) {
	*rep = k.Refusal(http.StatusBadRequest, "400")
	rep.edit(func(object map[string]json.RawMessage) { object["Code"] = json.RawMessage("400") })
}

// numericSuccess shows the Code of a success as a number, as some pages do.
func numericSuccess(_ Call, _ Fault, rep *Reply) {
	rep.edit(func(object map[string]json.RawMessage) {
		if _, ok := object["Code"]; ok && rep.Code == "" {
			object["Code"] = json.RawMessage("200")
		}
	})
}

func withoutJobID(_ Call, _ Fault, rep *Reply) {
	rep.edit(func(object map[string]json.RawMessage) { delete(object, "JobId") })
}

// edit changes the top level of a JSON answer.
func (rep *Reply) edit(change func(map[string]json.RawMessage)) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(rep.Body, &object); err != nil {
		return // no object, nothing to change
	}
	change(object)
	rep.Body = plainjson.Encode(object)
}

// badJSON is as long as it says and not JSON from its first name on.
func badJSON(_ Call, _ Fault, rep *Reply) {
	rep.Body = bytes.Replace(rep.Body, []byte(`":`), []byte(`"=`), 1)
}

// oversized pads in front, so that whoever stops reading has nothing.
func oversized(_ Call, _ Fault, rep *Reply) {
	rest := bytes.TrimPrefix(rep.Body, []byte("{"))
	rep.Body = append(append([]byte("{"), bytes.Repeat([]byte(" "), OversizedBody)...), rest...)
}

// htmlPage is what a proxy says for itself: no JSON, no request id.
func htmlPage(_ Call, f Fault, rep *Reply) {
	title := fmt.Sprint(f.status, " ", http.StatusText(f.status))
	*rep = foreign(f.status, rep.RequestID)
	rep.header.Set("Content-Type", "text/html; charset=utf-8")
	rep.Body = fmt.Appendf(nil, "<html><head><title>%[1]s</title></head><body><h1>%[1]s</h1></body></html>\n", title)
}

func emptyAnswer(_ Call, f Fault, rep *Reply) { *rep = foreign(f.status, rep.RequestID) }

// redirected sends the client, with its method and body, elsewhere: to a given
// address, or back to where it came from.
func redirected(k Call, f Fault, rep *Reply) {
	*rep = foreign(http.StatusTemporaryRedirect, rep.RequestID)
	to := f.text
	if to == "" {
		to = k.RequestURI()
	}
	rep.header.Set("Location", to)
}

// foreign is an answer of somebody on the way, without a body. The request id
// is for the ledger; the client does not see it.
func foreign(status int, requestID string) Reply {
	return Reply{Status: status, RequestID: requestID, header: http.Header{"Content-Type": nil, "X-Acs-Request-Id": nil}}
}
