// Command hello is a function that answers every event with one short page.
//
// The benchmarks compare the portal with it.
package main

import (
	"context"
	"encoding/json"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
)

func main() {
	fc.Start(func(context.Context, []byte) (json.RawMessage, error) {
		return json.RawMessage(`{"statusCode":200,"headers":{"Content-Type":"text/html"},"body":"<!doctype html><title>Hello</title>"}`), nil
	})
}
