package fault

import (
	"net/http"
	"slices"
	"strings"
)

// A Place says where on a request's way a fault stands.
type Place int

// The places, in the order in which a call passes them.
const (
	nowhere  Place = iota // ok
	OnTheWay              // before the gateway: proxies, balancers, the network
	AtGate                // at the gateway, which knows by then who is calling
	inAnswer              // in the answer, when the effect has happened
	InList                // in what a listing shows
)

// A Kind is one row of the table of faults.
type Kind struct {
	Name   string
	Place  Place      // of the variant without the suffix
	Twin   bool       // there is a variant that lets the effect happen first
	takes  []argument // in the order of writing
	action string     // the only operation for which it means anything; empty: all
	delays bool       // real time passes
	// product is the only one whose operations answer so; empty: all do.
	product string
	// lasting is for what is a property of the world and not of one answer.
	lasting bool

	// answer makes the answer into what the client sees. Before the effect rep
	// is empty; afterwards it is the true answer. Nil: it is no concern of this
	// fault.
	answer func(k Call, f Fault, rep *Reply)
}

// stops reports whether a fault keeps the effect from happening.
func (f Fault) stops() bool { return f.kind.answer != nil && !f.after && f.kind.Place != inAnswer }

// Listing is the operation that the faults InList are for.
const Listing = "DescribeBackupJobs2"

// Kinds is the table of all faults. docs/emulator.md explains each.
var Kinds = []Kind{
	{Name: "ok", Place: nowhere},
	{Name: "latency", Place: OnTheWay, Twin: true, takes: []argument{takesDuration}, delays: true},

	// What proxies, balancers and networks do, who know nothing of the API.
	{Name: "html", Place: OnTheWay, Twin: true, takes: []argument{takesStatus}, answer: htmlPage},
	{Name: "empty", Place: OnTheWay, Twin: true, takes: []argument{takesStatus}, answer: emptyAnswer},
	{Name: "redirect", Place: OnTheWay, takes: []argument{takesURL}, answer: redirected},
	{Name: "drop", Place: OnTheWay, Twin: true, answer: ends(endClosed)},
	{Name: "reset", Place: OnTheWay, Twin: true, answer: ends(endReset)},
	{Name: "hang", Place: OnTheWay, Twin: true, answer: ends(endSilent)},

	// What the gateway or the service says, in its own forms. Throttling comes
	// under two statuses and three codes, none of which excludes the others.
	{Name: "500", Place: AtGate, Twin: true, answer: refuses(http.StatusInternalServerError, "InternalError")},
	{Name: "503", Place: AtGate, Twin: true, answer: refuses(http.StatusServiceUnavailable, "ServiceUnavailable")},
	{Name: "refuse", Place: AtGate, Twin: true, takes: []argument{takesErrorStatus, takesCode}, answer: refusesAsToldTo},
	{Name: "success-false", Place: AtGate, product: "hbr", Twin: true, takes: []argument{takesCode}, answer: successFalse},
	{Name: "numeric-code", Place: AtGate, answer: numericCode},
	{Name: "throttle", Place: AtGate, answer: refuses(http.StatusBadRequest, "Throttling.User")},
	{Name: "throttle-headers", Place: AtGate, answer: throttledWithHeaders},
	{Name: "throttle-429", Place: AtGate, answer: refuses(http.StatusTooManyRequests, "Throttling")},
	{Name: "throttle-rejected", Place: AtGate, answer: refuses(http.StatusBadRequest, "Rejected.Throttling")},
	{Name: "expired", Place: AtGate, answer: refuses(http.StatusForbidden, "InvalidSecurityToken.Expired")},
	{Name: "signature-echo", Place: AtGate, answer: signatureEcho},
	{Name: "nonce-used", Place: AtGate, Twin: true, answer: refuses(http.StatusBadRequest, "SignatureNonceUsed")},

	// A success that its client cannot read: the job exists all the same.
	{Name: "truncate", Place: inAnswer, answer: ends(endHalf)},
	{Name: "bad-json", Place: inAnswer, answer: badJSON},
	{Name: "oversized", Place: inAnswer, answer: oversized},
	{Name: "numeric-success", Place: inAnswer, answer: numericSuccess},
	{Name: "no-job-id", Place: inAnswer, action: "CreateBackupJob", answer: withoutJobID},

	// A listing that is right in form and wrong in what it says.
	{Name: "lag", Place: InList, action: Listing, takes: []argument{takesDuration}, lasting: true},
	{Name: "duplicate-page", Place: InList, action: Listing},
	{Name: "shift", Place: InList, action: Listing, takes: []argument{takesShift}},
	{Name: "total", Place: InList, action: Listing, takes: []argument{takesCount}},
}

// find finds a fault by the name that stands in a schedule. The suffix is
// part of the name only for kinds that have the variant.
func find(name string) (Fault, bool) {
	base, after := strings.CutSuffix(name, AfterSuffix)
	at := slices.IndexFunc(Kinds, func(kind Kind) bool { return kind.Name == base && (kind.Twin || !after) })
	if at < 0 {
		return Fault{}, false
	}
	return Fault{kind: &Kinds[at], after: after}, true
}
