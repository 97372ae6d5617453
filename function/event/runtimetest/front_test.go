package runtimetest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// answering returns a function that gives the same answer to every event, and stores the event in
// events.
func answering(answer string, events ...*string) Func {
	return func(_ context.Context, event []byte) (json.RawMessage, error) {
		for _, e := range events {
			*e = string(event)
		}
		return json.RawMessage(answer), nil
	}
}

func get(h http.Handler, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/x", nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestTriggerRequestLimits(t *testing.T) {
	f := &FCTrigger{Function: answering(`{"statusCode":200}`)}
	for name, change := range map[string]func(*http.Request){
		"headers": func(r *http.Request) { r.Header.Set("X", strings.Repeat("x", 8<<10)) },
		"path":    func(r *http.Request) { r.RequestURI = "/" + strings.Repeat("x", 4<<10) },
		"body": func(r *http.Request) {
			*r = *httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", 32<<20+1)))
		},
	} {
		if w := get(f, change); w.Code != 400 || w.Header().Get("X-Fc-Error-Type") != "InvalidArgument" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
}

func TestTriggerAnswers(t *testing.T) {
	large, _ := json.Marshal(map[string]any{"statusCode": 200, "headers": map[string]string{"X": strings.Repeat("x", 8<<10)}})
	if w := get(&FCTrigger{Function: answering(string(large))}, nil); w.Code != 502 {
		t.Errorf("large headers: %d", w.Code)
	}
	w := get(&FCTrigger{Function: answering(`{"hello":1}`)}, nil)
	if w.Code != 200 || w.Body.String() != `{"hello":1}` || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("no status: %d %s", w.Code, w.Body)
	}
	w = get(&FCTrigger{Domain: "d.example", Function: answering(`{"statusCode":201,"cookies":["a=1"],"headers":{
		"X-Fc-A":"1","Connection":"1","Date":"1","Server":"1","Upgrade":"1","keep-alive":"1","content-disposition":"attachment","X-Stays":"1"}}`)}, nil)
	if w.Code != 201 || len(w.Header()) != 2 || w.Header().Get("X-Stays") != "1" {
		t.Errorf("reserved headers: %v", w.Header())
	}
	fails := Func(func(context.Context, []byte) (json.RawMessage, error) { return nil, errors.New("secret") })
	if w = get(&FCTrigger{Function: fails}, nil); w.Code != 502 || !strings.Contains(w.Body.String(), "secret") {
		t.Errorf("a failing function is not shown to the visitor: %d %s", w.Code, w.Body)
	}
	if w = get(&FunctionURL{Function: fails}, nil); w.Code != 502 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("lambda: %d %s", w.Code, w.Body)
	}
}

func TestTriggerCORS(t *testing.T) {
	origin := func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }
	w := get(&FCTrigger{Function: answering(`{"statusCode":200}`)}, origin)
	if w.Header().Get("Access-Control-Allow-Origin") != "https://evil.example" {
		t.Errorf("default: %v", w.Header())
	}
	w = get(&FCTrigger{Function: answering(`{"statusCode":200,"headers":{"access-control-allow-origin":"null"}}`)}, origin)
	if w.Header().Get("Access-Control-Allow-Origin") != "null" || w.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("own: %v", w.Header())
	}
}

func TestFrontEvents(t *testing.T) {
	var event string
	request := func(r *http.Request) {
		*r = *httptest.NewRequest("POST", "/a%2Fb?q=1&q=2", strings.NewReader("n=1"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Cookie", "s=1; t=2")
		r.Header.Set("X-Fc-Access-Key-Id", "evil")
	}
	for name, c := range map[string]struct {
		front http.Handler
		want  []string
		not   string
	}{
		"fc":        {&FCTrigger{Function: answering("{}", &event)}, []string{`"body":"n=1"`, `"rawPath":"/a%2Fb"`, `"q":"1,2"`, `"Cookie":"s=1; t=2"`}, "evil"},
		"base64":    {&FCTrigger{Function: answering("{}", &event), EncodeBodies: true}, []string{`"body":"bj0x"`, `"isBase64Encoded":true`}, "evil"},
		"lowercase": {&FCTrigger{Function: answering("{}", &event), LowerCaseHeaders: true}, []string{`"cookie":"s=1; t=2"`, `"host":`}, "Cookie"},
		"domain":    {&FCTrigger{Function: answering("{}", &event), Domain: "d.example"}, []string{`"domainName":"d.example"`}, "fcapp.run"},
		"lambda":    {&FunctionURL{answering("{}", &event)}, []string{`"body":"bj0x"`, `"rawQueryString":"q=1\u0026q=2"`, `"cookies":["s=1","t=2"]`}, `"cookie":`},
	} {
		get(c.front, request)
		for _, want := range c.want {
			if !strings.Contains(event, want) {
				t.Errorf("%s: event lacks %s: %s", name, want, event)
			}
		}
		if strings.Contains(event, c.not) {
			t.Errorf("%s: event has %s: %s", name, c.not, event)
		}
	}
}
