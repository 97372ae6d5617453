// Package envelope lists the kinds of events that are not HTTP.
//
// It is a package of its own because the policy names kinds of events, too, and must not link the
// vendors' event types. Package event has the shape of each kind.
package envelope

// A Kind says through which service or in which format a message arrived. The texts never
// change, because policy files and databases contain them.
type Kind string

// The kinds. A direct message is the input of a call of InvokeFunction, as the caller wrote it.
// All other messages were wrapped into an event by a service of the platform.
const (
	Direct     Kind = "direct"     // a JSON object of no other kind
	Text       Kind = "text"       // not JSON, or a JSON string, as from an MNS topic in the format STREAM
	Timer      Kind = "timer"      // time trigger
	CloudEvent Kind = "cloudevent" // EventBridge, from a source other than an MNS queue
	MNSQueue   Kind = "mns-queue"  // EventBridge, from an MNS queue
	MNSTopic   Kind = "mns-topic"  // MNS topic, format JSON
	MNSStream  Kind = "mns-stream" // MNS topic, format STREAM, with attributes
	OSS        Kind = "oss"        // change of an object; never contains a submission
	CDN        Kind = "cdn"        // event of a content delivery network; never contains a submission
	RawData    Kind = "raw"        // element of a batch without an envelope
)

// Submitting lists the kinds whose messages can request a backup: all except OSS and CDN.
var Submitting = []Kind{Direct, Text, Timer, CloudEvent, MNSQueue, MNSTopic, MNSStream, RawData}
