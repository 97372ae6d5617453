// Package envelope lists the envelopes in which events bring messages.
//
// The list imports nothing: the policy names kinds of events too, and does not
// link the vendors' event types for it.
package envelope

// A Kind is the envelope in which a message came.
type Kind string

// The kinds. A direct message is what a caller of InvokeFunction wrote; all
// others were put into an envelope on the way.
const (
	Direct     Kind = "direct"     // any JSON object that is none of the others
	Text       Kind = "text"       // not JSON, or a JSON string; MNS topics send it as “STREAM”
	Timer      Kind = "timer"      // a time trigger
	CloudEvent Kind = "cloudevent" // EventBridge, from any source but an MNS queue
	MNSQueue   Kind = "mns-queue"  // EventBridge, from an MNS queue
	MNSTopic   Kind = "mns-topic"  // an MNS topic, format JSON
	MNSStream  Kind = "mns-stream" // an MNS topic, format STREAM, with attributes
	OSS        Kind = "oss"        // a change of an object; never carries a submission
	CDN        Kind = "cdn"        // the same of a content delivery network
	RawData    Kind = "raw"        // an element of a batch, without an envelope
)

// Submitting lists the kinds that can bring a submission: all but OSS and CDN.
var Submitting = []Kind{Direct, Text, Timer, CloudEvent, MNSQueue, MNSTopic, MNSStream, RawData}
