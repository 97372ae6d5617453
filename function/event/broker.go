package event

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"backupportal/function/event/envelope"
)

// A broker is a message broker whose messages EventBridge of Alibaba Cloud wraps in a way of its own.
type broker struct {
	kind    envelope.Kind
	prefix  string   // beginning of the type of its CloudEvents
	members []string // members of the data of its CloudEvents; with eventSchema RawData, the data alone is the event
	read    func(data []byte) (Message, bool)
}

// brokers lists the brokers. The first one that matches wins: the data of RabbitMQ has all members of
// data of others. Sources: the triggers of Function Compute, and the event types of
// github.com/aliyun/fc-runtime-go-sdk/events.
var brokers = []broker{
	{envelope.Kafka, "alikafka:", []string{"topic", "partition", "offset", "value"}, kafkaData},
	{envelope.RabbitMQ, "amqp:", []string{"envelope", "props", "body"}, rabbitData},
	{envelope.RocketMQ, "mq:", []string{"topic", "body"}, rocketData}, // both kinds of properties may be missing
}

// brokerOf returns the broker of a CloudEvent with this type and data; of data alone if the type is empty.
func brokerOf(eventType string, data map[string]json.RawMessage) (broker, bool) {
	for _, b := range brokers {
		if strings.HasPrefix(eventType, b.prefix) {
			return b, true
		}
	}
	for _, b := range brokers {
		if hasAll(data, b.members) {
			return b, true
		}
	}
	return broker{}, false
}

// message reads the message in data. source and id are those of the CloudEvent around the data; they are
// empty for data alone. They identify the message if the broker gave it no id. Without both ids, the
// content identifies it. It returns false if data is not of this broker.
func (b broker) message(data []byte, source, subject, id string) (Message, bool) {
	m, ok := b.read(data)
	if !ok {
		return Message{}, false
	}
	switch {
	case b.kind == envelope.Kafka:
		m.Source = cmp.Or(subject, m.Source) // the subject names the instance too
	case m.ID == "" && id != "":
		m.Source, m.ID = source, id
	case m.ID == "":
		m.ID = digest(m.Payload)
	}
	m.Kind = b.kind
	return m, true
}

// rocketData reads a message of RocketMQ. UNIQ_KEY is the id that the producer's client gives it, and stays
// the same when the message is delivered again.
func rocketData(data []byte) (Message, bool) {
	var e struct {
		Topic  string `json:"topic"`
		System struct {
			UniqKey string `json:"UNIQ_KEY"`
		} `json:"systemProperties"`
		Body json.RawMessage `json:"body"`
	}
	if json.Unmarshal(data, &e) != nil || e.Body == nil {
		return Message{}, false
	}
	return Message{Source: e.Topic, ID: e.System.UniqKey, Payload: content(e.Body)}, true
}

// kafkaData reads a record of Kafka. Partition and offset identify it within its topic. The timestamp
// distinguishes it from a record of an earlier topic with the same name, whose offsets were the same.
func kafkaData(data []byte) (Message, bool) {
	var e struct {
		Topic     string          `json:"topic"`
		Partition *int64          `json:"partition"`
		Offset    *int64          `json:"offset"`
		Timestamp int64           `json:"timestamp"`
		Value     json.RawMessage `json:"value"`
	}
	if json.Unmarshal(data, &e) != nil || e.Topic == "" || e.Partition == nil || e.Offset == nil || e.Value == nil {
		return Message{}, false
	}
	id := strconv.FormatInt(*e.Partition, 10) + "/" + strconv.FormatInt(*e.Offset, 10) + "/" + strconv.FormatInt(e.Timestamp, 10)
	return Message{Source: e.Topic, ID: id, Payload: content(e.Value)}, true
}

// rabbitData reads a message of RabbitMQ. Its body is a text or a JSON value. Only a publisher that sets
// messageId gives it an id.
func rabbitData(data []byte) (Message, bool) {
	var e struct {
		Envelope struct {
			Exchange   string `json:"exchange"`
			RoutingKey string `json:"routingKey"`
		} `json:"envelope"`
		Props struct {
			MessageID string `json:"messageId"`
		} `json:"props"`
		Body json.RawMessage `json:"body"`
	}
	if json.Unmarshal(data, &e) != nil || e.Body == nil {
		return Message{}, false
	}
	source := strings.TrimPrefix(e.Envelope.Exchange+"/"+e.Envelope.RoutingKey, "/")
	return Message{Source: source, ID: e.Props.MessageID, Payload: content(e.Body)}, true
}
