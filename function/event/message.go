package event

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"backupportal/function/event/envelope"
	"backupportal/function/trace"
)

// A Message is an event that is not HTTP, or one element of it. It requests one backup.
type Message struct {
	Kind envelope.Kind // the envelope in which it arrived

	// Source and ID are the same for a repeated delivery, and differ between two messages:
	//
	//	cloudevent             source and id
	//	mns-queue              the event's source, and messageId of its data, or its id
	//	mns-topic              topic, and MessageId
	//	rocketmq               topic, and UNIQ_KEY
	//	kafka                  subject or topic, and partition/offset/timestamp
	//	rabbitmq               exchange/routing key, and messageId
	//	timer                  triggerName and triggerTime
	//	oss, s3, cdn           bucket or domain, and the ids of the record
	//	sqs                    queue, and messageId
	//	kinesis                stream, and eventID
	//	sns                    topic, and MessageId
	//	eventbridge            source and id
	//	scheduler              schedule or rule, and time
	//	direct                 no source, and the platform's request id
	//	text, mns-stream, raw  no source, and a digest of the payload
	//
	// A message of RocketMQ or RabbitMQ without an id of its own has source and id of its CloudEvent, or
	// a digest of the payload.
	//
	// Without an id from the platform, the id of direct is a digest too. [Message.ContentID] has the
	// id that decides whether a direct message is a repeat.
	Source, ID string

	// Payload is the JSON of the submission as the sender wrote it, without its envelope. It is
	// decoded from base64 if it is JSON only after that. It may be empty or not JSON. For a
	// direct message it is the whole event, unchanged.
	Payload []byte

	// Object is the object that changed, for the kinds oss and s3. It is nil for all other kinds, and if
	// the record does not name an object. Payload is then the record.
	Object *Object

	// Trace is the trace that a CloudEvent names; zero if it names none.
	Trace trace.Context
}

// An Object is an object of OSS or S3 that changed.
type Object struct {
	Bucket string // name of the bucket
	Key    string // decoded
	Change string // such as “ObjectCreated:PutObject”; what begins with “ObjectCreated:” made or replaced it
}

// ContentID returns a hash of the content of m if the content decides whether m is a repeat,
// and "" otherwise. It does so for kinds without an id, and for a direct message on Function
// Compute. There, a message of an MNS topic in the format STREAM without attributes looks like a call
// of InvokeFunction, and the platform gives each delivery a new request id.
func (m Message) ContentID(inv Invocation) (id string, ok bool) {
	switch m.Kind {
	case envelope.Text, envelope.MNSStream, envelope.RawData:
		return m.ID, true
	case envelope.RocketMQ, envelope.RabbitMQ:
		return m.ID, m.ID == digest(m.Payload)
	case envelope.Direct:
		if id := digest(m.Payload); inv.Platform == PlatformFC || m.ID == id {
			return id, true
		}
	}
	return "", false
}

// A Rejection is the error of a message that can never succeed. The platform does not deliver
// the message again; the portal reports it.
type Rejection struct {
	Answer json.RawMessage // the reason, as a JSON object
}

// Error implements error.
func (*Rejection) Error() string { return "submission rejected" }

// digest returns an id for content that has none: the first half of the content's SHA-256.
func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:16])
}
