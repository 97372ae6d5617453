package event

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"backupportal/function/event/envelope"
)

// A Message is an event that is not HTTP: something that asks for a submission.
type Message struct {
	Kind envelope.Kind

	// Source and ID tell a repeated delivery from another message:
	//
	//	cloudevent             source and id
	//	mns-queue, mns-topic   queue's event source or topic, and MessageId
	//	timer                  triggerName and triggerTime
	//	oss, cdn               bucket or domain, and the record's own ids
	//	direct                 the platform's request id
	//	text, mns-stream, raw  a digest of the content: they have no id
	Source, ID string

	// Payload is the submission's JSON as the sender wrote it, taken out of
	// its envelope and, if it is JSON only then, out of base64. It may be
	// empty, or not JSON at all. That of a direct message is the event's
	// bytes unchanged.
	Payload []byte
}

// A Rejection is a message that can never succeed, however often it is sent.
// It is acknowledged and reported, not retried.
type Rejection struct {
	Answer json.RawMessage // says why, as a JSON object
}

// Error implements error.
func (*Rejection) Error() string { return "submission rejected" }

// digest names content that has no id of its own.
func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:16])
}
