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

// readHTTP reads an event that has members of an HTTP request. top are the members of the event, and on is the platform:
// only on Lambda the formats of gateways are read, because elsewhere nothing sends them. like is false for all other events. If err is not nil, parts of the request are unknown and e holds the
// known parts: err is [ErrEventType], [ErrUnicode], [ErrVersion], [ErrMethod], [ErrPath] or [ErrQuery].
//
// readHTTP fails closed. If it ignored a value in an unknown place, it could lose the
// parameter dry_run, and the request would then make a backup.
func readHTTP(event []byte, top map[string]json.RawMessage, on string) (e httpEvent, like bool, err error) {
	for name := range top {
		like = like || slices.ContainsFunc(httpMembers, func(m string) bool { return strings.EqualFold(name, m) })
	}
	if !like {
		return e, false, nil
	}
	if f, ok := gatewayFormat(top); ok && on == PlatformLambda {
		e, err = readGateway(event, top, f)
		return e, true, err
	}
	// Decoding continues after a value of the wrong type, so that the error page has the right
	// format for the platform.
	wrongType := json.Unmarshal(event, &e)
	if e.Version == "2.0" {
		e.format = formatURL // for any other version the answer has the format of Function Compute, which Lambda understands too
	}
	context := members(top["requestContext"])
	flag, flagged := top["isBase64Encoded"]
	switch {
	case jsontext.Unicode(event) != nil:
		return e, true, ErrUnicode
	case wrongType != nil, jsontext.Unique(event) != nil,
		!exact(top, readNames[""]), !exact(context, readNames["rc"]), !exact(members(context["http"]), readNames["http"]),
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
	if e.format == formatFC {
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

// exact reports whether an object spells names exactly. It returns false if a
// member differs from such a name only in case.
func exact(object map[string]json.RawMessage, names []string) bool {
	for name := range object {
		for _, read := range names {
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
