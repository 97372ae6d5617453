package aliyun_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/emulator"
	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/world"
	"backupportal/function/secret"
)

// TestInvokeFunctionDeliversTheEvent invokes a function of the emulator, which verifies the signature. A repeat with the same
// task id is not an error, and the function runs once.
func TestInvokeFunctionDeliversTheEvent(t *testing.T) {
	t.Parallel()
	exists := world.Demo()
	own := &exists.Accounts[0].Users[0]
	own.Permissions = append(own.Permissions, ram.Statement{
		Effect: "Allow", Actions: []string{"fc:InvokeFunction"}, Resources: []string{"acs:fc:*:*:functions/work"},
	})
	events := make(chan string, 9)
	cloud, err := emulator.New(emulator.Options{World: exists, Functions: map[string]emulator.Function{
		"work": func(_ context.Context, event []byte, _ int) error { events <- string(event); return nil },
	}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	client := invoker(t, server.URL)
	call := aliyun.Invocation{Region: "cn-hangzhou", Function: "work", TaskID: "batch-x-1", Payload: []byte(`{"batch":"x","chunk":1}`)}
	for range 2 {
		if err := client.InvokeFunction(t.Context(), call); err != nil {
			t.Fatal(err)
		}
	}
	cloud.WaitForFunctions()
	if got := <-events; got != string(call.Payload) || len(events) != 0 {
		t.Errorf("delivered %s and %d more", got, len(events))
	}
	call.Function = "other"
	var refused *backup.CloudError
	if err := client.InvokeFunction(t.Context(), call); !errors.As(err, &refused) || !errors.Is(err, backup.ErrRefused) || refused.Code != "NoPermission" {
		t.Errorf("without the permission: %v", err)
	}
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(away.Close)
	if err := invoker(t, away.URL).InvokeFunction(t.Context(), call); !errors.Is(err, backup.ErrUnknownOutcome) {
		t.Errorf("without an answer: %v", err)
	}
}

// invoker returns a client of the endpoint with the key of the demo world.
func invoker(t *testing.T, endpoint string) *aliyun.Client {
	t.Helper()
	address, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	key := aliyun.Credentials{AccessKeyID: world.DemoKey, AccessKeySecret: secret.New(world.DemoSecret)}
	client, err := aliyun.New(aliyun.Config{
		Endpoint: address, Now: time.Now, Credentials: func(context.Context) (aliyun.Credentials, error) { return key, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}
