package event

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"backupportal/function/jsontext"
)

// A format is the format of an HTTP event, which decides that of its answer.
type format int

// The formats.
const (
	formatFC   format = iota // Function Compute, “v1”; also for an event of an unknown version
	formatURL                // Lambda: function URL, and API Gateway with payload format 2.0
	formatREST               // Lambda: API Gateway, REST API or payload format 1.0
	formatALB                // Lambda: Application Load Balancer
)

// A gatewayEvent is an HTTP request of API Gateway in payload format 1.0, or of a load balancer. Each has the
// headers and the query with one value for each name, with all values, or both. A load balancer sends both
// either with one value or with all values, as its target group is configured.
type gatewayEvent struct {
	Version    string              `json:"version"` // “1.0” of an HTTP API; a REST API and a load balancer send none
	Method     string              `json:"httpMethod"`
	Path       string              `json:"path"`
	Query      map[string]string   `json:"queryStringParameters"`
	MultiQuery map[string][]string `json:"multiValueQueryStringParameters"`
	Headers    map[string]string   `json:"headers"`
	Multi      map[string][]string `json:"multiValueHeaders"`
	Body       string              `json:"body"`
	Encoded    bool                `json:"isBase64Encoded"`
	Context    struct {
		DomainName string `json:"domainName"`
		RequestID  string `json:"requestId"`
		Protocol   string `json:"protocol"`
		Identity   struct {
			SourceIP string `json:"sourceIp"`
		} `json:"identity"`
	} `json:"requestContext"`
}

// gatewayFormat returns the format of an event of a gateway on Lambda. ok is false for other events.
func gatewayFormat(top map[string]json.RawMessage) (f format, ok bool) {
	if top["httpMethod"] == nil {
		return 0, false
	}
	if members(top["requestContext"])["elb"] != nil {
		return formatALB, true
	}
	version := textOf(top["version"])
	return formatREST, version == "1.0" || top["version"] == nil
}

// The members that gatewayEvent reads: of the event, of its requestContext, and of the identity in that.
var (
	gatewayNames = []string{
		"version", "httpMethod", "path", "queryStringParameters", "multiValueQueryStringParameters", "headers",
		"multiValueHeaders", "body", "isBase64Encoded", "requestContext",
	}
	gatewayContextNames  = []string{"elb", "domainName", "requestId", "protocol", "identity"}
	gatewayIdentityNames = []string{"sourceIp"}
)

// foreignMembers lists members of HTTP events of other formats. An event that has one besides those of its own
// format could hide a part of its query there.
var foreignMembers = []string{"rawPath", "rawQueryString", "queryParameters", "cookies", "routeKey"}

// readGateway reads an event of a gateway. Its errors and its strictness are those of [readHTTP].
func readGateway(event []byte, top map[string]json.RawMessage, f format) (httpEvent, error) {
	var g gatewayEvent
	wrongType := json.Unmarshal(event, &g)
	e := g.request(f)
	context := members(top["requestContext"])
	flag, flagged := top["isBase64Encoded"]
	query, known := g.query(f)
	e.RawQueryString = query
	switch {
	case jsontext.Unicode(event) != nil:
		return e, ErrUnicode
	case wrongType != nil, jsontext.Unique(event) != nil,
		!exact(top, gatewayNames), !exact(context, gatewayContextNames),
		!exact(members(context["identity"]), gatewayIdentityNames),
		flagged && string(flag) != "true" && string(flag) != "false":
		return e, ErrEventType
	case slices.ContainsFunc(foreignMembers, func(name string) bool { return top[name] != nil }), context["http"] != nil:
		return e, ErrVersion
	case !isMethod(g.Method):
		return e, ErrMethod
	case !strings.HasPrefix(g.Path, "/"), strings.ContainsAny(g.Path, "?#"):
		return e, ErrPath
	case !known:
		return e, ErrQuery
	}
	return e, nil
}

// request returns the event in the form of the other formats, without its query.
func (g gatewayEvent) request(f format) httpEvent {
	e := httpEvent{
		RawPath: g.Path, Body: g.Body, IsBase64Encoded: g.Encoded, format: f, multi: g.Multi != nil,
		multiHeaders: g.Multi, Headers: g.Headers,
	}
	if g.Multi != nil {
		e.Headers = nil // the same headers, with one value each
	}
	rc := &e.RequestContext
	rc.DomainName, rc.RequestID = g.Context.DomainName, g.Context.RequestID
	rc.HTTP.Method, rc.HTTP.Protocol = g.Method, g.Context.Protocol
	rc.HTTP.SourceIP = g.Context.Identity.SourceIP
	if f == formatALB {
		rc.HTTP.SourceIP = lastForwarded(e.header())
	}
	return e
}

// query returns the query as in a URL. known is false if the event does not say it in one way: a name is
// only in one of the two members, or has a value that is not among all its values. A load balancer does not
// decode names and values (“Lambda functions as targets”); API Gateway does.
func (g gatewayEvent) query(f format) (raw string, known bool) {
	all := g.MultiQuery
	if all == nil {
		all = map[string][]string{}
		for name, value := range g.Query {
			all[name] = []string{value}
		}
	}
	for name, value := range g.Query {
		if !slices.Contains(all[name], value) {
			return "", false
		}
	}
	if g.Query != nil && len(g.Query) != len(all) {
		return "", false
	}
	if f == formatREST {
		return url.Values(all).Encode(), true
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, value := range all[name] {
			pairs = append(pairs, name+"="+value)
			if strings.ContainsAny(name, "=&;#") || strings.ContainsAny(value, "&;#") {
				return "", false
			}
		}
	}
	raw = strings.Join(pairs, "&")
	_, err := url.ParseQuery(raw)
	return raw, err == nil
}

// lastForwarded returns the address of the client that a load balancer saw: it appends it to X-Forwarded-For.
// What stands before it is the client's own text.
func lastForwarded(h http.Header) string {
	all := strings.Split(strings.Join(h.Values("X-Forwarded-For"), ","), ",")
	return strings.TrimSpace(all[len(all)-1])
}
