package event_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"backupportal/function/event"
)

// TestHTTPEventsThatCannotBeReadStartNothing proves for every platform that an HTTP event that
// cannot be read completely is answered with 400 and starts nothing. If the portal overlooked
// the parameter dry_run, it would start a real backup.
func TestHTTPEventsThatCannotBeReadStartNothing(t *testing.T) {
	const (
		body = `"headers":{"Content-Type":"application/json"},"body":"{}"`
		rc   = `"requestContext":{"http":{"method":"POST"}}`
		rest = body + `,` + rc + `}`
	)
	for name, ev := range map[string]string{
		"half a surrogate pair":       `{"version":"2.0","rawPath":"/","rawQueryString":"","cookies":["\ud800"],` + rest,
		"second half of a pair":       `{"version":"2.0","rawPath":"/","rawQueryString":"","a\udc00":1,` + rest,
		"halves in the wrong order":   `{"version":"v1","rawPath":"/","a":"\ude00\ud83d",` + rest,
		"bytes that are not UTF-8":    `{"version":"v1","rawPath":"/","a":"` + "\xff" + `",` + rest,
		"no version":                  `{"rawPath":"/api/v1/backup-jobs","rawQueryString":"dry_run=true",` + rest,
		"version v2":                  `{"version":"v2","rawPath":"/api/v1/backup-jobs","rawQueryString":"dry_run=true",` + rest,
		"version 2":                   `{"version":"2","rawPath":"/","rawQueryString":"",` + rest,
		"version V1":                  `{"version":"V1","rawPath":"/",` + rest,
		"version number":              `{"version":2.0,"rawPath":"/","rawQueryString":"",` + rest,
		"version null":                `{"version":null,"rawPath":"/","rawQueryString":"",` + rest,
		"version with a space":        `{"version":"2.0 ","rawPath":"/","rawQueryString":"",` + rest,
		"Version in capitals":         `{"Version":"2.0","rawPath":"/","rawQueryString":"",` + rest,
		"version twice":               `{"version":"v1","version":"2.0","rawPath":"/","rawQueryString":"",` + rest,
		"1.0 of a gateway":            `{"version":"1.0","httpMethod":"POST","path":"/api/v1/backup-jobs","queryStringParameters":{"dry_run":"true"},` + rest,
		"1.0 without context":         `{"version":"1.0","httpMethod":"POST","path":"/api/v1/backup-jobs","queryStringParameters":{"dry_run":"true"},` + body + `}`,
		"a gateway of Alibaba Cloud":  `{"path":"/","httpMethod":"POST","headers":{},"queryParameters":{"dry_run":"true"},"pathParameters":{},"body":"{}","isBase64Encoded":false}`,
		"a load balancer":             `{"requestContext":{"elb":{"targetGroupArn":"a"}},"httpMethod":"POST","path":"/","queryStringParameters":{},"headers":{},"body":"","isBase64Encoded":false}`,
		"2.0 and httpMethod":          `{"version":"2.0","httpMethod":"GET","rawPath":"/","rawQueryString":"",` + rest,
		"2.0, query as object":        `{"version":"2.0","rawPath":"/","queryStringParameters":{"dry_run":"true"},` + rest,
		"2.0, empty raw query":        `{"version":"2.0","rawPath":"/","rawQueryString":"","queryStringParameters":{"dry_run":"true"},` + rest,
		"2.0, other raw query":        `{"version":"2.0","rawPath":"/","rawQueryString":"a=1","queryStringParameters":{"dry_run":"true"},` + rest,
		"2.0, no query at all":        `{"version":"2.0","rawPath":"/",` + rest,
		"2.0, query null":             `{"version":"2.0","rawPath":"/","rawQueryString":null,` + rest,
		"2.0, query a list":           `{"version":"2.0","rawPath":"/","rawQueryString":["dry_run=true"],` + rest,
		"2.0, FC's query":             `{"version":"2.0","rawPath":"/","rawQueryString":"","queryParameters":{"dry_run":"true"},` + rest,
		"2.0, query of many values":   `{"version":"2.0","rawPath":"/","rawQueryString":"","multiValueQueryStringParameters":{"dry_run":["true"]},` + rest,
		"2.0, rawquerystring":         `{"version":"2.0","rawPath":"/","rawquerystring":"dry_run=true",` + rest,
		"2.0, query twice":            `{"version":"2.0","rawPath":"/","rawQueryString":"dry_run=true","rawQueryString":"",` + rest,
		"2.0, query in the path":      `{"version":"2.0","rawPath":"/?dry_run=true","rawQueryString":"a=1",` + rest,
		"v1, raw query":               `{"version":"v1","rawPath":"/","rawQueryString":"dry_run=true",` + rest,
		"v1, Lambda's query":          `{"version":"v1","rawPath":"/","queryStringParameters":{"dry_run":"true"},` + rest,
		"v1, a boolean in the query":  `{"version":"v1","rawPath":"/","queryParameters":{"dry_run":true},` + rest,
		"v1, lists in the query":      `{"version":"v1","rawPath":"/","queryParameters":{"dry_run":["true"]},` + rest,
		"v1, query as text":           `{"version":"v1","rawPath":"/","queryParameters":"dry_run=true",` + rest,
		"v1, a parameter twice":       `{"version":"v1","rawPath":"/","queryParameters":{"dry_run":"true","dry_run":"false"},` + rest,
		"v1, query in the path":       `{"version":"v1","rawPath":"/?dry_run=true",` + rest,
		"no path":                     `{"version":"v1",` + rest,
		"path null":                   `{"version":"v1","rawPath":null,` + rest,
		"path a number":               `{"version":"v1","rawPath":7,` + rest,
		"path elsewhere":              `{"version":"v1","path":"/",` + rest,
		"rawpath":                     `{"version":"v1","rawpath":"/",` + rest,
		"no method":                   `{"version":"v1","rawPath":"/",` + body + `,"requestContext":{"http":{}}}`,
		"method empty":                `{"version":"v1","rawPath":"/",` + body + `,"requestContext":{"http":{"method":""}}}`,
		"method a number":             `{"version":"v1","rawPath":"/",` + body + `,"requestContext":{"http":{"method":1}}}`,
		"method with a space":         `{"version":"v1","rawPath":"/",` + body + `,"requestContext":{"http":{"method":"POST /x"}}}`,
		"Method in capitals":          `{"version":"v1","rawPath":"/",` + body + `,"requestContext":{"http":{"Method":"POST"}}}`,
		"method twice":                `{"version":"v1","rawPath":"/",` + body + `,"requestContext":{"http":{"method":"GET","method":"POST"}}}`,
		"no http":                     `{"version":"v1","rawPath":"/",` + body + `,"requestContext":{}}`,
		"http a text":                 `{"version":"v1","rawPath":"/",` + body + `,"requestContext":{"http":"POST"}}`,
		"context null":                `{"version":"v1","rawPath":"/",` + body + `,"requestContext":null}`,
		"context a list":              `{"version":"v1","rawPath":"/",` + body + `,"requestContext":[` + `1]}`,
		"no context":                  `{"version":"v1","rawPath":"/",` + body + `}`,
		"context in capitals":         `{"version":"v1","rawPath":"/",` + body + `,"RequestContext":{"http":{"method":"POST"}}}`,
		"base64 as text":              `{"version":"v1","rawPath":"/","isBase64Encoded":"true",` + rest,
		"base64 as number":            `{"version":"v1","rawPath":"/","isBase64Encoded":1,` + rest,
		"base64 null":                 `{"version":"v1","rawPath":"/","isBase64Encoded":null,` + rest,
		"base64 that is none":         `{"version":"v1","rawPath":"/","isBase64Encoded":true,` + rest,
		"body an object":              `{"version":"v1","rawPath":"/","body":{"Account":"demo"},` + rc + `}`,
		"headers with a list":         `{"version":"v1","rawPath":"/","headers":{"a":["b"]},` + rc + `}`,
		"a submission with a path":    `{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-1","Retention":7,"rawPath":"/"}`,
		"a submission with a context": `{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-1","Retention":7,"requestContext":{}}`,
		"a CloudEvent with a context": `{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"Account":"demo"},"requestContext":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if !json.Valid([]byte(ev)) {
				t.Fatalf("no JSON: %s", ev)
			}
			d := quiet()
			d.Web = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
			d.Submit = func(context.Context, event.Message) (json.RawMessage, error) {
				t.Error("it was taken for a submission")
				return json.RawMessage(`{}`), nil
			}
			fc, err1 := d.FC(t.Context(), []byte(ev))
			lambda, err2 := d.Lambda(t.Context(), json.RawMessage(ev))
			for platform, got := range map[string]json.RawMessage{"fc": fc, "lambda": lambda} {
				var a answer
				if err := json.Unmarshal(got, &a); err != nil || err1 != nil || err2 != nil || a.StatusCode != http.StatusBadRequest {
					t.Errorf("%s: %s, %v, %v", platform, got, err1, err2)
				}
			}
		})
	}
}

// TestHTTPEventsThatCannotBeReadAreAnsweredInTheirForm proves that the answer to an unreadable
// HTTP event depends on its path and method, if these can be read. The defaults are / and GET.
func TestHTTPEventsThatCannotBeReadAreAnsweredInTheirForm(t *testing.T) {
	for ev, want := range map[string]string{
		`{"version":"1.0","httpMethod":"POST","path":"/api/v1/backup-jobs"}`:                                     "/api/v1/backup-jobs GET",
		`{"version":"v2","rawPath":"/a","requestContext":{"http":{"method":"PUT"}}}`:                             "/a PUT",
		`{"version":"v2","rawPath":"/a","requestContext":{"http":{"method":"P T"}}}`:                             "/a GET",
		`{"version":"2.0","rawPath":"x","requestContext":{"http":{"method":"HEAD"}}}`:                            "/ HEAD",
		`{"version":"2.0","rawPath":"/b","rawQueryString":"","requestContext":{"http":{"method":"DELETE "}}}`:    "/b GET",
		`{"version":"v1","rawPath":"/c","queryParameters":{"a":1},"requestContext":{"http":{"method":"PATCH"}}}`: "/c PATCH",
	} {
		d := quiet()
		got := ""
		d.Unreadable = func(w http.ResponseWriter, r *http.Request, err error) {
			got = r.URL.Path + " " + r.Method
			w.WriteHeader(http.StatusBadRequest)
		}
		if _, err := d.FC(t.Context(), []byte(ev)); err != nil || got != want {
			t.Errorf("%s: %q, %v", ev, got, err)
		}
	}
}

// TestOtherEventsAreNoHTTPEvents proves that a message is not taken for an HTTP request because
// members of HTTP events occur inside it.
func TestOtherEventsAreNoHTTPEvents(t *testing.T) {
	for _, ev := range []string{
		`{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"rawPath":"/","requestContext":{}},"path":"/","headers":"x","version":"v1"}`,
		`{"triggerName":"t","triggerTime":"2026-11-28T09:00:00Z","payload":"{\"rawPath\":\"/\"}"}`,
		`[{"rawPath":"/"}]`, `{"body":"{\"requestContext\":{}}","attrs":{"rawPath":"/"}}`, `"{\"rawPath\":\"/\"}"`,
	} {
		if messages, _, err := collect(t, ev); err != nil || len(messages) != 1 {
			t.Errorf("%s: %d messages, %v", ev, len(messages), err)
		}
	}
}

// TestHeadersInTwoSpellingsKeepBothValues proves that both values are kept if a header occurs
// in two spellings. Code that accepts only one value, such as that for Idempotency-Key, can
// then refuse the request.
func TestHeadersInTwoSpellingsKeepBothValues(t *testing.T) {
	r, _ := request(t, strings.Replace(getEvent, `"version":"v1",`, `"version":"v1","headers":{"Idempotency-Key":"a","idempotency-key":"b"},`, 1))
	if got := r.Header["Idempotency-Key"]; len(got) != 2 {
		t.Errorf("%q", got)
	}
}

// TestEnvelopesInInvalidUnicodeAreNoMessages proves that a message with invalid Unicode in its
// envelope is rejected. encoding/json replaces invalid characters by U+FFFD, so the ids of two
// different messages could become equal.
func TestEnvelopesInInvalidUnicodeAreNoMessages(t *testing.T) {
	for _, bad := range []string{`\ud800`, `\ud801`, `\udc00x`, `\ud800\ud800`, "\xff", "\xed\xa0\x80"} {
		for _, ev := range []string{
			`{"specversion":"1.0","id":"` + bad + `","source":"s","type":"t","data":{}}`,
			`{"triggerName":"` + bad + `","triggerTime":"2026-11-28T09:00:00Z","payload":"{}"}`,
			`{"TopicName":"t","MessageId":"` + bad + `","Message":"{}"}`,
			`{"events":[{"eventSource":"acs:oss","responseElements":{"requestId":"` + bad + `"}}]}`,
			`[{"specversion":"1.0","id":"` + bad + `","source":"s","type":"t","data":{}}]`,
			`[{"a":"` + bad + `"}]`,
		} {
			if messages, _, err := collect(t, ev); err != nil || len(messages) != 0 {
				t.Errorf("%q: %d messages, %v", ev, len(messages), err)
			}
		}
	}
}
