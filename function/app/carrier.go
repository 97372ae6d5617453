package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"backupportal/function/aliyun"
	"backupportal/function/amazon"
	"backupportal/function/batch"
	"backupportal/function/event"
	"backupportal/function/event/envelope"
	"backupportal/function/trace"
)

// A chunkEvent is the whole payload of the event with which the portal invokes the function BATCH_FUNCTION to
// continue a batch.
type chunkEvent struct {
	Batch  string `json:"batch"`
	Chunk  int    `json:"chunk"`
	Parent string `json:"traceparent,omitempty"` // trace of the sender; package event reads it
	State  string `json:"tracestate,omitempty"`
}

// chunkPayload returns the event for a chunk of a batch. It belongs to the trace of ctx.
func chunkPayload(ctx context.Context, id string, chunk int) ([]byte, error) {
	e := chunkEvent{Batch: id, Chunk: chunk}
	if t := trace.From(ctx); !t.IsZero() {
		e.Parent, e.State = t.Child().Parent(), t.State
	}
	return json.Marshal(e)
}

// batchChunk returns the id of the batch and the number of the chunk in a [chunkEvent]. ok is false for any other
// event. Only a direct invocation can be a chunkEvent: the senders of other events have no permission to invoke the
// function themselves.
func batchChunk(m event.Message) (id string, chunk int, ok bool) {
	var keys map[string]json.RawMessage
	if m.Kind != envelope.Direct || json.Unmarshal(m.Payload, &keys) != nil || keys["batch"] == nil || keys["chunk"] == nil {
		return "", 0, false
	}
	for key := range keys {
		if !slices.Contains([]string{"batch", "chunk", "traceparent", "tracestate"}, key) {
			return "", 0, false
		}
	}
	var e chunkEvent
	err := json.Unmarshal(m.Payload, &e)
	return e.Batch, e.Chunk, err == nil
}

// newCarrier returns the Carrier for the platform of cfg. It returns nil for a plain server, and without
// BATCH_FUNCTION.
func newCarrier(cfg Config, cloud *aliyun.Client) batch.Carrier {
	switch {
	case cfg.BatchFunction == "":
		return nil
	case cfg.Platform == FunctionCompute, cfg.Platform == CustomRuntime:
		return fcCarrier{cloud, cfg.BatchFunction}
	case cfg.Platform == Lambda:
		return lambdaCarrier{&amazon.Client{
			Endpoint: cfg.LambdaEndpoint, Region: cfg.LambdaRegion, Credentials: cfg.LambdaCredentials, Now: wallClock, HTTP: http.DefaultClient,
		}, cfg.BatchFunction}
	}
	return nil
}

// An fcCarrier continues batches by asynchronous invocations on Function Compute.
type fcCarrier struct {
	cloud    *aliyun.Client
	function string
}

// Continue implements [batch.Carrier]. The task id is made of the batch and the chunk, so the platform refuses a repeat.
func (c fcCarrier) Continue(ctx context.Context, id string, chunk int) error {
	inv, ok := event.FromContext(ctx)
	if !ok || inv.Region == "" {
		return errors.New("the platform did not say in which region the function is")
	}
	payload, err := chunkPayload(ctx, id, chunk)
	if err != nil {
		return err
	}
	return c.cloud.InvokeFunction(ctx, aliyun.Invocation{
		Region: inv.Region, Function: c.function, TaskID: fmt.Sprintf("batch-%s-%d", id, chunk), Payload: payload,
	})
}

// A lambdaCarrier continues batches by asynchronous invocations on AWS Lambda.
type lambdaCarrier struct {
	lambda   *amazon.Client
	function string
}

// Continue implements [batch.Carrier].
func (c lambdaCarrier) Continue(ctx context.Context, id string, chunk int) error {
	payload, err := chunkPayload(ctx, id, chunk)
	if err != nil {
		return err
	}
	return c.lambda.InvokeAsync(ctx, c.function, payload)
}
