package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"backupportal/function/event"
	"backupportal/function/event/runtimetest"
	"backupportal/function/secret"
)

const echoEvent = `{"version":"v1","rawPath":"/echo","requestContext":{"requestId":"from-event","http":{"method":"GET"}}}`

// decode reads, from an answer object, the request that /echo received.
func decode(t *testing.T, body []byte) (s seen) {
	t.Helper()
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		t.Fatalf("answer %q: %v", body, err)
	}
	if err := json.Unmarshal([]byte(a.Body), &s); err != nil {
		t.Fatalf("body %q: %v", a.Body, err)
	}
	return s
}

func TestFCInvocationInContext(t *testing.T) {
	f := startFC(t)
	s := decode(t, f.Do(t.Context(), runtimetest.Call{Event: []byte(echoEvent), RequestID: "req-1", RetryCount: 2}).Body)
	if s.Platform != "fc" || s.RequestID != "req-1" || s.Region != "cn-hangzhou" || s.Retry != 2 ||
		s.Key != "key-1" || s.Token != "token-1" || !s.Deadline {
		t.Errorf("handler saw %+v", s)
	}
	for _, secret := range []string{"hunter2", "token-1"} {
		if strings.Contains(f.Output(), secret) {
			t.Errorf("the log shows %s", secret)
		}
	}
}

func TestLambdaInvocationInContext(t *testing.T) {
	l := &runtimetest.Lambda{}
	l.Start(t, self(t), runtimeVar+"=lambda")
	s := decode(t, l.Do(t.Context(), runtimetest.Call{Event: []byte(echoEvent), RequestID: "req-1"}).Body)
	if s.Platform != "lambda" || s.RequestID != "req-1" || s.Region != "eu-central-1" || s.Key != "" || !s.Deadline {
		t.Errorf("handler saw %+v", s)
	}
}

func TestRequestIDFromEvent(t *testing.T) {
	ctx := event.WithInvocation(t.Context(), event.Invocation{Platform: event.PlatformFC})
	body, err := quiet().FC(ctx, []byte(echoEvent))
	if err != nil {
		t.Fatal(err)
	}
	if s := decode(t, body); s.RequestID != "from-event" {
		t.Errorf("RequestID = %q", s.RequestID)
	}
}

func TestNoInvocationOnPlainServer(t *testing.T) {
	if inv, ok := event.FromContext(context.Background()); ok {
		t.Errorf("got %+v", inv)
	}
}

func TestCredentialsNeverPrint(t *testing.T) {
	inv := event.Invocation{Credentials: event.Credentials{
		AccessKeyID: secret.New("marker-id"), AccessKeySecret: secret.New("marker-secret"), SecurityToken: secret.New("marker-token"),
	}}
	var out bytes.Buffer
	for _, verb := range strings.Split("v +v #v s q x X d b c e g t p T", " ") {
		fmt.Fprintf(&out, "%"+verb+"%"+verb+"%"+verb, inv, &inv, []any{inv, struct{ in event.Invocation }{inv}})
	}
	j, err := json.Marshal(inv)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "inv", inv)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "inv", inv, "c", inv.Credentials)
	hidden := []string{"marker", fmt.Sprintf("%x", "marker"), fmt.Sprintf("%X", "marker")}
	for _, h := range hidden {
		if strings.Contains(out.String(), h) {
			t.Errorf("%q printed: %s", h, out.String())
		}
	}
	if inv.Credentials.IsZero() || !(event.Credentials{}).IsZero() {
		t.Error("IsZero is wrong")
	}
}

func TestKilledFunctionCanRestart(t *testing.T) {
	f := startFC(t)
	f.Kill()
	if r := f.Invoke(t.Context(), []byte(echoEvent)); r.ErrorType != "FunctionExited" {
		t.Errorf("after its end: %+v", r)
	}
	f.Start(t, self(t), runtimeVar+"=fc")
	if r := f.Invoke(t.Context(), []byte(echoEvent)); r.Failed() {
		t.Errorf("started again: %+v", r)
	}
}
