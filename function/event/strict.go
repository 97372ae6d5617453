package event

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"backupportal/function/jsontext"
)

// httpMembers lists top-level members that occur only in events for HTTP requests: of Function
// Compute, of Lambda in both payload formats, and of API gateways. They identify such an event.
// No parameter of a backup and no other kind of event has one of these names.
var httpMembers = []string{
	"requestContext", "rawPath", "rawQueryString", "routeKey", "httpMethod", "isBase64Encoded",
	"queryParameters", "queryStringParameters", "multiValueQueryStringParameters",
	"pathParameters", "multiValueHeaders", "stageVariables",
}

// readNames lists the members that are read of an HTTP event, by the object that contains them.
// [json.Unmarshal] would also accept these names in another case; exact refuses that.
var readNames = map[string][]string{
	"":     append([]string{"version", "cookies", "headers", "body", "path"}, httpMembers...),
	"rc":   {"domainName", "requestId", "http"},
	"http": {"method", "protocol", "sourceIp"},
}

// readHTTP reads an event that has members of an HTTP request. top are the members of the
// event. like is false for all other events. If err is not nil, e has only the parts that could
// be read. err is [ErrEventType], [ErrUnicode], [ErrVersion], [ErrMethod], [ErrPath] or
// [ErrQuery].
//
// An event that cannot be read completely is always refused. If readHTTP ignored a value at an
// unknown place, it could lose the parameter dry_run, and the request would start a real
// backup.
func readHTTP(event []byte, top map[string]json.RawMessage) (e httpEvent, like bool, err error) {
	for name := range top {
		like = like || slices.ContainsFunc(httpMembers, func(m string) bool { return strings.EqualFold(name, m) })
	}
	if !like {
		return e, false, nil
	}
	// Decoding continues after a value of the wrong type, so that the error page gets the
	// format that the platform expects.
	wrongType := json.Unmarshal(event, &e)
	context := members(top["requestContext"])
	flag, flagged := top["isBase64Encoded"]
	switch {
	case jsontext.Unicode(event) != nil:
		return e, true, ErrUnicode
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

// hasWholeQuery reports whether the event has its query only in the member that belongs to the
// event's version. A second member with a part of the query could be overlooked.
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

// isGiven reports whether a member is present and not null.
func isGiven(value json.RawMessage) bool { return value != nil && string(value) != "null" }

// exact reports whether an object spells the names in readNames exactly. It returns false if a
// member differs from such a name only in case.
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

// isMethod reports whether s is a valid HTTP method: a token (RFC 9110, sections 5.6.2 and 9.1).
func isMethod(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", c))
	}) < 0
}
