package event_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"backupportal/function/event"
)

// FuzzEvent proves for any event that decoding does not panic, and that an HTTP event gets an
// answer and never an error. The same event must always give messages with the same ids,
// because these detect repeats.
func FuzzEvent(f *testing.F) {
	for _, ev := range []string{fcEvent, lambdaEvent, echoEvent, "", "null", "[]", "hello topic", `"eyJhIjoxfQ=="`} {
		f.Add([]byte(ev))
	}
	for _, ev := range []string{restEvent, albEvent, submission, `[{"topic":"t","partition":0,"offset":3,"value":"{}"}]`} {
		f.Add([]byte(ev))
	}
	f.Fuzz(func(t *testing.T, ev []byte) {
		var first []string
		for range 2 {
			var ids []string
			d := quiet()
			d.Submit = func(_ context.Context, m event.Message) (json.RawMessage, error) {
				if m.Kind == "" || m.ID == "" {
					t.Errorf("message without kind or id: %+v", m)
				}
				ids = append(ids, string(m.Kind)+m.Source+m.ID)
				return json.RawMessage(`{}`), nil
			}
			d.Web = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.RequestURI, "/") || r.URL.Scheme != "https" {
					t.Errorf("uri %q, url %q", r.RequestURI, r.URL)
				}
				for name := range r.Header {
					if strings.HasPrefix(strings.ToLower(name), "x-fc-") {
						t.Errorf("header %q", name)
					}
				}
				http.NewServeMux().ServeHTTP(w, r)
			})
			inv := event.Invocation{Platform: event.PlatformFC}
			if len(ev)%2 == 1 {
				inv.Platform = event.PlatformLambda
			}
			body, err := d.FC(event.WithInvocation(t.Context(), inv), ev)
			if (err == nil) != (len(body) > 0) || err == nil && !json.Valid(body) {
				t.Fatalf("answer %q, error %v", body, err)
			}
			if isHTTP(ev) && err != nil {
				t.Errorf("HTTP event answered with an error: %v", err)
			}
			if first == nil {
				first = ids
			} else if strings.Join(first, "\n") != strings.Join(ids, "\n") {
				t.Errorf("ids differ between deliveries: %q, %q", first, ids)
			}
		}
	})
}

func isHTTP(ev []byte) bool {
	var e struct {
		RequestContext struct {
			HTTP struct {
				Method string `json:"method"`
			} `json:"http"`
		} `json:"requestContext"`
	}
	return json.Unmarshal(ev, &e) == nil && e.RequestContext.HTTP.Method != ""
}
