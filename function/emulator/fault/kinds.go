package fault

import (
	"net/http"
	"slices"
	"strings"
)

// A Stage is the point in the processing of a call at which a fault happens.
type Stage int

// The stages, in the order in which a call passes them.
const (
	stageNone   Stage = iota // the stage of "ok", which is no fault
	OnTheWay                 // before the gateway: proxies, load balancers, the network
	AtGate                   // at the gateway, after authentication
	stageAnswer              // in the answer of an operation that was carried out
	InList                   // in the contents of a listing
)

// A Kind describes one kind of fault; it is a row of the table [Kinds]. Kinds are read-only.
type Kind struct {
	Name   string     // name in a schedule, without "-after"
	Stage  Stage      // stage of the variant without "-after"
	Twin   bool       // the variant "-after" exists: it lets the operation be carried out first
	args   []argument // arguments, in the order in which a schedule has them
	action string     // the only operation that can show the fault; empty: all
	delays bool       // the fault is a delay in real time
	// product is the only product whose operations can have the fault; empty: all products.
	product string
	// repeats says that a step with this fault lasts for all later calls by default: the fault
	// is a property of the emulated cloud, not of one answer.
	repeats bool

	// answer changes the reply. For a fault before the effect, rep has only its RequestID; for a
	// fault after the effect, rep is the true answer. Nil means that the fault does not decide
	// the answer.
	answer func(k Call, f Fault, rep *Reply)
}

// stops reports whether f prevents the operation. It does if it decides the answer, except for
// a variant "-after" and a fault that only changes the answer.
func (f Fault) stops() bool { return f.kind.answer != nil && !f.after && f.kind.Stage != stageAnswer }

// Listing is the only operation to which faults with the stage InList apply.
const Listing = "DescribeBackupJobs2"

// Kinds is the table of all kinds of faults. docs/emulator.md describes in "List of faults"
// what the client sees; a test compares the two lists.
var Kinds = []Kind{
	{Name: "ok", Stage: stageNone},
	{Name: "latency", Stage: OnTheWay, Twin: true, args: []argument{durationArg}, delays: true},

	// Proxies, load balancers and networks, which do not know the API.
	{Name: "html", Stage: OnTheWay, Twin: true, args: []argument{statusArg}, answer: htmlPage},
	{Name: "empty", Stage: OnTheWay, Twin: true, args: []argument{statusArg}, answer: emptyBody},
	{Name: "redirect", Stage: OnTheWay, args: []argument{urlArg}, answer: redirect},
	{Name: "drop", Stage: OnTheWay, Twin: true, answer: withEnding(endClosed)},
	{Name: "reset", Stage: OnTheWay, Twin: true, answer: withEnding(endReset)},
	{Name: "hang", Stage: OnTheWay, Twin: true, answer: withEnding(endSilent)},

	// Refusals by the gateway or the service, in their own forms. The vendor documents throttling
	// with two statuses and three codes, and a client must understand all of them.
	{Name: "500", Stage: AtGate, Twin: true, answer: refuseWith(http.StatusInternalServerError, "InternalError")},
	{Name: "503", Stage: AtGate, Twin: true, answer: refuseWith(http.StatusServiceUnavailable, "ServiceUnavailable")},
	{Name: "refuse", Stage: AtGate, Twin: true, args: []argument{errorStatusArg, codeArg}, answer: refuseAsGiven},
	{Name: "success-false", Stage: AtGate, product: "hbr", Twin: true, args: []argument{codeArg}, answer: successFalse},
	{Name: "numeric-code", Stage: AtGate, answer: numericCode},
	{Name: "throttle", Stage: AtGate, answer: refuseWith(http.StatusBadRequest, "Throttling.User")},
	{Name: "throttle-headers", Stage: AtGate, answer: throttleWithHeaders},
	{Name: "throttle-429", Stage: AtGate, answer: refuseWith(http.StatusTooManyRequests, "Throttling")},
	{Name: "throttle-rejected", Stage: AtGate, answer: refuseWith(http.StatusBadRequest, "Rejected.Throttling")},
	{Name: "expired", Stage: AtGate, answer: refuseWith(http.StatusForbidden, "InvalidSecurityToken.Expired")},
	{Name: "signature-echo", Stage: AtGate, answer: signatureEcho},
	{Name: "nonce-used", Stage: AtGate, Twin: true, answer: refuseWith(http.StatusBadRequest, "SignatureNonceUsed")},

	// A success that the client cannot read, although the job exists.
	{Name: "truncate", Stage: stageAnswer, answer: withEnding(endHalf)},
	{Name: "bad-json", Stage: stageAnswer, answer: badJSON},
	{Name: "oversized", Stage: stageAnswer, answer: oversized},
	{Name: "numeric-success", Stage: stageAnswer, answer: numericSuccess},
	{Name: "no-job-id", Stage: stageAnswer, action: "CreateBackupJob", answer: withoutJobID},

	// A listing whose form is correct and whose contents are wrong.
	{Name: "lag", Stage: InList, action: Listing, args: []argument{durationArg}, repeats: true},
	{Name: "duplicate-page", Stage: InList, action: Listing},
	{Name: "shift", Stage: InList, action: Listing, args: []argument{shiftArg}},
	{Name: "total", Stage: InList, action: Listing, args: []argument{countArg}},
}

// find returns the fault with the given name, without arguments. It returns false for an
// unknown name. A name with the suffix "-after" is known only for kinds that have such a
// variant.
func find(name string) (Fault, bool) {
	base, after := strings.CutSuffix(name, AfterSuffix)
	at := slices.IndexFunc(Kinds, func(kind Kind) bool { return kind.Name == base && (kind.Twin || !after) })
	if at < 0 {
		return Fault{}, false
	}
	return Fault{kind: &Kinds[at], after: after}, true
}
