package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// A place says where on a request's way a fault stands.
type place int

const (
	nowhere  place = iota // ok
	onTheWay              // before the gateway: proxies, balancers, the network
	atGate                // at the gateway, which knows by then who is calling
	inAnswer              // in the answer, when the effect has happened
	inList                // in what a listing shows
)

// A faultKind is one row of the table of faults.
type faultKind struct {
	name   string
	place  place           // of the variant without the suffix
	twin   bool            // there is a variant that lets the effect happen first
	takes  []faultArgument // in the order of writing
	action string          // the only operation for which it means anything; empty: all
	delays bool            // real time passes
	// product is the only one whose operations answer so; empty: all do.
	product string
	// lasting is for what is a property of the world and not of one answer.
	lasting bool

	// answer makes the answer into what the client sees. Before the effect rep
	// is empty; afterwards it is the true answer. Nil: it is no concern of this
	// fault.
	answer func(k faultyCall, f fault, rep *reply)
}

// stops reports whether a fault keeps the effect from happening.
func (f fault) stops() bool { return f.kind.answer != nil && !f.after && f.kind.place != inAnswer }

const listing = "DescribeBackupJobs2"

// faultKinds is the table of all faults. docs/emulator.md explains each.
var faultKinds = []faultKind{
	{name: "ok", place: nowhere},
	{name: "latency", place: onTheWay, twin: true, takes: []faultArgument{takesDuration}, delays: true},

	// What proxies, balancers and networks do, who know nothing of the API.
	{name: "html", place: onTheWay, twin: true, takes: []faultArgument{takesStatus}, answer: htmlPage},
	{name: "empty", place: onTheWay, twin: true, takes: []faultArgument{takesStatus}, answer: emptyAnswer},
	{name: "redirect", place: onTheWay, takes: []faultArgument{takesURL}, answer: redirected},
	{name: "drop", place: onTheWay, twin: true, answer: ends(endClosed)},
	{name: "reset", place: onTheWay, twin: true, answer: ends(endReset)},
	{name: "hang", place: onTheWay, twin: true, answer: ends(endSilent)},

	// What the gateway or the service says, in its own forms. Throttling comes
	// under two statuses and three codes, none of which excludes the others.
	{name: "500", place: atGate, twin: true, answer: refuses(http.StatusInternalServerError, "InternalError")},
	{name: "503", place: atGate, twin: true, answer: refuses(http.StatusServiceUnavailable, "ServiceUnavailable")},
	{name: "refuse", place: atGate, twin: true, takes: []faultArgument{takesErrorStatus, takesCode}, answer: refusesAsToldTo},
	{name: "success-false", place: atGate, product: "hbr", twin: true, takes: []faultArgument{takesCode}, answer: successFalse},
	{name: "numeric-code", place: atGate, answer: numericCode},
	{name: "throttle", place: atGate, answer: refuses(http.StatusBadRequest, "Throttling.User")},
	{name: "throttle-headers", place: atGate, answer: throttledWithHeaders},
	{name: "throttle-429", place: atGate, answer: refuses(http.StatusTooManyRequests, "Throttling")},
	{name: "throttle-rejected", place: atGate, answer: refuses(http.StatusBadRequest, "Rejected.Throttling")},
	{name: "expired", place: atGate, answer: refuses(http.StatusForbidden, "InvalidSecurityToken.Expired")},
	{name: "signature-echo", place: atGate, answer: signatureEcho},
	{name: "nonce-used", place: atGate, twin: true, answer: refuses(http.StatusBadRequest, "SignatureNonceUsed")},

	// A success that its client cannot read: the job exists all the same.
	{name: "truncate", place: inAnswer, answer: ends(endHalf)},
	{name: "bad-json", place: inAnswer, answer: badJSON},
	{name: "oversized", place: inAnswer, answer: oversized},
	{name: "numeric-success", place: inAnswer, answer: numericSuccess},
	{name: "no-job-id", place: inAnswer, action: "CreateBackupJob", answer: withoutJobID},

	// A listing that is right in form and wrong in what it says.
	{name: "lag", place: inList, action: listing, takes: []faultArgument{takesDuration}, lasting: true},
	{name: "duplicate-page", place: inList, action: listing},
	{name: "shift", place: inList, action: listing, takes: []faultArgument{takesShift}},
	{name: "total", place: inList, action: listing, takes: []faultArgument{takesCount}},
}

// findFault finds a fault by the name that stands in a schedule. The suffix is
// part of the name only for kinds that have the variant.
func findFault(name string) (fault, bool) {
	base, after := strings.CutSuffix(name, afterSuffix)
	at := slices.IndexFunc(faultKinds, func(kind faultKind) bool { return kind.name == base && (kind.twin || !after) })
	if at < 0 {
		return fault{}, false
	}
	return fault{kind: &faultKinds[at], after: after}, true
}
