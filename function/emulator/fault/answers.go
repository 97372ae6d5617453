package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"backupportal/function/emulator/plainjson"
)

// OversizedBody is how many bytes the fault oversized adds to an answer: 8 MiB. Clients that
// limit the size of answers usually stop at about 1 MiB.
const OversizedBody = 8 << 20

// A Call is what a fault needs to know about the call that it changes. Package rpc implements
// it; the interface keeps this package independent of rpc.
type Call interface {
	// Refusal returns a refusal in the form of the called product.
	Refusal(status int, code string) Reply

	// SignatureEcho returns the refusal of a wrong signature, whose message contains the string
	// to sign.
	SignatureEcho() Reply

	// RequestURI returns path and query of the request.
	RequestURI() string
}

// withEnding returns a function that sets how much of the answer the client receives (see
// ending). Only endHalf sends the status and the code; with the other endings no status is
// sent.
func withEnding(how ending) func(Call, Fault, *Reply) {
	return func(_ Call, _ Fault, rep *Reply) {
		if rep.ending = how; how != endHalf {
			rep.Status, rep.Code = 0, ""
		}
	}
}

// refuseWith returns a function that replaces the answer by one refusal of the gateway.
func refuseWith(status int, code string) func(Call, Fault, *Reply) {
	return func(k Call, _ Fault, rep *Reply) { *rep = k.Refusal(status, code) }
}

// refuseAsGiven replaces the answer by a refusal whose status and code are arguments of the
// fault.
func refuseAsGiven(k Call, f Fault, rep *Reply) { *rep = k.Refusal(f.status, f.text) }

// successFalse replaces the answer by a refusal with status 200 and "Success":false, as Cloud
// Backup sends it.
func successFalse(k Call, f Fault, rep *Reply) { *rep = k.Refusal(http.StatusOK, f.text) }

// throttleWithHeaders replaces the answer by a refusal because of too many requests. It has the
// headers from which the vendor's newer clients take their waiting time. The vendor does not
// document the unit of TimeLeft; milliseconds are a guess.
func throttleWithHeaders(k Call, _ Fault, rep *Reply) {
	*rep = k.Refusal(http.StatusBadRequest, "Throttling.User")
	const limit = "Limit:1,Remain:0,TimeLeft:2000,Reset:1234"
	rep.header = http.Header{"X-Ratelimit-User-Api": {limit}, "X-Ratelimit-User": {limit}}
}

// signatureEcho returns the refusal of a wrong signature. Like the real one, its message contains
// the string to sign, and with RPC 1.0 this includes the security token. A client that logs the
// message logs the token.
func signatureEcho(k Call, _ Fault, rep *Reply) {
	*rep = k.SignatureEcho()
}

// numericCode replaces the answer by a refusal whose Code is the number 400. It breaks clients
// that expect a text.
func numericCode(k Call, _ Fault, rep *Reply) {
	*rep = k.Refusal(http.StatusBadRequest, "400")
	rep.edit(func(object map[string]json.RawMessage) { object["Code"] = json.RawMessage("400") })
}

// numericSuccess writes the Code of a success as the number 200, as some of the vendor's pages
// show it. It does not change a refusal or an answer without Code.
func numericSuccess(_ Call, _ Fault, rep *Reply) {
	rep.edit(func(object map[string]json.RawMessage) {
		if _, ok := object["Code"]; ok && rep.Code == "" {
			object["Code"] = json.RawMessage("200")
		}
	})
}

// withoutJobID removes JobId from the answer.
func withoutJobID(_ Call, _ Fault, rep *Reply) {
	rep.edit(func(object map[string]json.RawMessage) { delete(object, "JobId") })
}

// edit applies change to the top level of a JSON body. A body that is not a JSON object stays
// unchanged.
func (rep *Reply) edit(change func(map[string]json.RawMessage)) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(rep.Body, &object); err != nil {
		return // no object, nothing to change
	}
	change(object)
	rep.Body = plainjson.Encode(object)
}

// badJSON makes the body invalid JSON of the same length, so that Content-Length is still
// correct.
func badJSON(_ Call, _ Fault, rep *Reply) {
	rep.Body = bytes.Replace(rep.Body, []byte(`":`), []byte(`"=`), 1)
}

// oversized inserts blanks after the first brace of the answer. A client that stops reading at
// a limit has then received no member at all.
func oversized(_ Call, _ Fault, rep *Reply) {
	rest := bytes.TrimPrefix(rep.Body, []byte("{"))
	rep.Body = append(append([]byte("{"), bytes.Repeat([]byte(" "), OversizedBody)...), rest...)
}

// htmlPage replaces the answer by the HTML page of a proxy: no JSON and no request id.
func htmlPage(_ Call, f Fault, rep *Reply) {
	title := fmt.Sprint(f.status, " ", http.StatusText(f.status))
	*rep = proxyReply(f.status, rep.RequestID)
	rep.header.Set("Content-Type", "text/html; charset=utf-8")
	rep.Body = fmt.Appendf(nil, "<html><head><title>%[1]s</title></head><body><h1>%[1]s</h1></body></html>\n", title)
}

// emptyBody replaces the answer by one without a body, with the fault's status.
func emptyBody(_ Call, f Fault, rep *Reply) { *rep = proxyReply(f.status, rep.RequestID) }

// redirect replaces the answer by 307, which makes the client repeat method and body: at the
// given URL, or at the same address if the fault has none.
func redirect(k Call, f Fault, rep *Reply) {
	*rep = proxyReply(http.StatusTemporaryRedirect, rep.RequestID)
	to := f.text
	if to == "" {
		to = k.RequestURI()
	}
	rep.header.Set("Location", to)
}

// proxyReply returns the answer of a proxy, without a body. The client does not see requestID; it
// is only for the ledger.
func proxyReply(status int, requestID string) Reply {
	return Reply{Status: status, RequestID: requestID, header: http.Header{"Content-Type": nil, "X-Acs-Request-Id": nil}}
}
