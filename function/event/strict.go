package event

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"backupportal/function/jsontext"
)

// httpMembers are top-level members that only events for HTTP requests have: those of
// Function Compute, of Lambda in both payload formats, and of API gateways. None is a
// parameter of a submission or a member of another envelope.
var httpMembers = []string{
	"requestContext", "rawPath", "rawQueryString", "routeKey", "httpMethod", "isBase64Encoded",
	"queryParameters", "queryStringParameters", "multiValueQueryStringParameters",
	"pathParameters", "multiValueHeaders", "stageVariables",
}

// readNames are the members that httpEvent reads, by the object that has them.
// [json.Unmarshal] takes them without regard to case.
var readNames = map[string][]string{
	"":     append([]string{"version", "cookies", "headers", "body", "path"}, httpMembers...),
	"rc":   {"domainName", "requestId", "http"},
	"http": {"method", "protocol", "sourceIp"},
}

// readHTTP reads an event that has members of an HTTP request. like is false for all
// other events. Unless err is nil, parts of the request are unknown and e holds the
// rest: err is [ErrEventType], [ErrVersion], [ErrMethod], [ErrPath] or [ErrQuery].
//
// It fails closed: what is in an unknown place would otherwise be dropped, and a
// dry_run that is dropped is a backup.
func readHTTP(event []byte) (e httpEvent, like bool, err error) {
	top := members(event)
	for name := range top {
		like = like || slices.ContainsFunc(httpMembers, func(m string) bool { return strings.EqualFold(name, m) })
	}
	if !like {
		return e, false, nil
	}
	// A value of the wrong type does not stop the decoder, so that the page about it
	// has the right form.
	wrongType := json.Unmarshal(event, &e)
	context := members(top["requestContext"])
	flag, flagged := top["isBase64Encoded"]
	switch {
	case wrongType != nil, jsontext.Unique(event) != nil,
		!exact(top, ""), !exact(context, "rc"), !exact(members(context["http"]), "http"),
		flagged && string(flag) != "true" && string(flag) != "false":
		return e, true, ErrEventType
	case e.Version != "v1" && e.Version != "2.0":
		return e, true, ErrVersion
	case !isMethod(e.RequestContext.HTTP.Method), top["httpMethod"] != nil:
		return e, true, ErrMethod
	case !isGiven(top["rawPath"]), strings.Contains(strings.TrimSuffix(e.RawPath, "?null"), "?"):
		return e, true, ErrPath
	case !e.hasWholeQuery(top):
		return e, true, ErrQuery
	}
	return e, true, nil
}

// hasWholeQuery reports whether the query is where the version of the event has it,
// and nothing of it is elsewhere.
func (e *httpEvent) hasWholeQuery(top map[string]json.RawMessage) bool {
	if isGiven(top["multiValueQueryStringParameters"]) {
		return false
	}
	read, err := url.ParseQuery(e.RawQueryString)
	if !e.lambda() {
		for name := range members(top["queryStringParameters"]) {
			read.Add(name, "")
		}
		for name := range read {
			if _, ok := e.QueryParameters[name]; !ok {
				return false
			}
		}
		return err == nil
	}
	if len(e.QueryParameters) > 0 || !isGiven(top["rawQueryString"]) {
		return false
	}
	for name := range members(top["queryStringParameters"]) {
		if e.RawQueryString == "" || err == nil && !read.Has(name) {
			return false
		}
	}
	return true
}

// isGiven reports whether a member is there and not null.
func isGiven(value json.RawMessage) bool { return value != nil && string(value) != "null" }

// exact reports whether no member of an object is one that httpEvent reads in other
// capitals.
func exact(object map[string]json.RawMessage, of string) bool {
	for name := range object {
		for _, read := range readNames[of] {
			if name != read && strings.EqualFold(name, read) {
				return false
			}
		}
	}
	return true
}

// isMethod reports whether s is a method: a token (RFC 9110, sections 5.6.2 and 9.1).
func isMethod(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", c))
	}) < 0
}
