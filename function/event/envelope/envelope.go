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
	CloudEvent Kind = "cloudevent" // EventBridge of Alibaba Cloud, from a source of no other kind
	MNSQueue   Kind = "mns-queue"  // EventBridge, from an MNS queue
	MNSTopic   Kind = "mns-topic"  // MNS topic, format JSON
	MNSStream  Kind = "mns-stream" // MNS topic, format STREAM, with attributes
	RocketMQ   Kind = "rocketmq"   // EventBridge, from a topic of RocketMQ
	Kafka      Kind = "kafka"      // EventBridge, from a topic of Kafka
	RabbitMQ   Kind = "rabbitmq"   // EventBridge, from a queue of RabbitMQ
	OSS        Kind = "oss"        // change of an object; the policy says which preset it starts
	CDN        Kind = "cdn"        // event of a content delivery network; never contains a submission
	RawData    Kind = "raw"        // element of a batch without an envelope

	SQS         Kind = "sqs"         // Lambda: message of an Amazon SQS queue
	Kinesis     Kind = "kinesis"     // Lambda: record of an Amazon Kinesis stream
	SNS         Kind = "sns"         // Lambda: message of an Amazon SNS topic
	EventBridge Kind = "eventbridge" // Lambda: event of a bus of Amazon EventBridge
	Scheduler   Kind = "scheduler"   // Lambda: EventBridge Scheduler, or a rule of EventBridge with a schedule
	S3          Kind = "s3"          // Lambda: change of an object; the policy says which preset it starts
)

// Submitting lists the kinds that can contain or start a submission: all except CDN.
var Submitting = []Kind{
	Direct, Text, Timer, CloudEvent, MNSQueue, MNSTopic, MNSStream, RocketMQ, Kafka, RabbitMQ, OSS, RawData,
	SQS, Kinesis, SNS, EventBridge, Scheduler, S3,
}

// Objects lists the kinds that report a change of an object.
var Objects = []Kind{OSS, S3}

// Schedules lists the kinds that a schedule sends. Their source is the schedule.
var Schedules = []Kind{Timer, Scheduler}
