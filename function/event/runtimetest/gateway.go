package runtimetest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// A Gateway simulates what stands in front of a function of Lambda and sends payload format 1.0: a REST API of API
// Gateway, or an Application Load Balancer. It makes an event from each request, and a response from the answer.
type Gateway struct {
	Function     Function
	LoadBalancer bool // instead of a REST API
	SingleValues bool // for a load balancer: its target group does not use multi-value headers
}

// albMax is the largest body of a request and of an answer behind a load balancer, in bytes.
const albMax = 1 << 20

// ServeHTTP implements [http.Handler].
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event, ok := g.event(r)
	if !ok {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	res := g.Function.Invoke(r.Context(), event)
	a, content, err := readAnswer(res.Body)
	if res.Failed() || err != nil || !g.accepts(a, res.Body) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadGateway)
		w.Write([]byte(`{"message": "Internal server error"}`))
		return
	}
	for name, values := range a.MultiValueHeaders {
		for _, value := range values {
			w.Header().Add(name, value)
		}
	}
	writeAnswer(w, a, content, func(name, _ string) bool { return name != "content-length" && name != "date" && name != "connection" })
}

// accepts reports whether an answer has the form that the gateway requires. A load balancer requires the text of
// the status, and the headers in the form of the request (“Lambda functions as targets”).
func (g *Gateway) accepts(a answer, body []byte) bool {
	if !json.Valid(body) || a.StatusCode == 0 {
		return false
	}
	if !g.LoadBalancer {
		return len(body) <= lambdaMax
	}
	code, text, ok := strings.Cut(a.StatusDescription, " ")
	if !ok || code != strconv.Itoa(a.StatusCode) || text == "" || len(body) > albMax {
		return false
	}
	if g.SingleValues {
		return len(a.MultiValueHeaders) == 0
	}
	return len(a.Headers) == 0 && len(a.MultiValueHeaders) > 0
}

// event returns the event of r, or false if the body is too large.
func (g *Gateway) event(r *http.Request) ([]byte, bool) {
	limit, text := int64(lambdaMax), true
	if g.LoadBalancer {
		limit = albMax
		kind := r.Header.Get("Content-Type")
		text = kind == "" || strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "application/json") ||
			kind == "application/javascript" || kind == "application/xml"
	}
	body, encoded, ok := readBody(r, limit, !text)
	if !ok {
		return nil, false
	}
	rename := sameName
	if g.LoadBalancer {
		rename = strings.ToLower
	}
	headers := map[string][]string{rename("Host"): {r.Host}, rename("X-Forwarded-Proto"): {"https"}}
	for name, values := range r.Header {
		headers[rename(name)] = values
	}
	forwarded := rename("X-Forwarded-For")
	headers[forwarded] = append(headers[forwarded], sourceIP(r))
	query := g.query(r)
	e := map[string]any{
		"httpMethod": r.Method, "path": r.URL.EscapedPath(), "isBase64Encoded": encoded, "body": body,
		"headers": last(headers), "queryStringParameters": last(query),
		"multiValueHeaders": headers, "multiValueQueryStringParameters": query,
	}
	if g.LoadBalancer {
		e["requestContext"] = map[string]any{
			"elb": map[string]string{"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/portal/49e9d65c45c6791a"},
		}
		for _, name := range g.absent() {
			delete(e, name)
		}
	} else {
		g.describe(e, r, query, body)
	}
	event, err := json.Marshal(e)
	return event, err == nil
}

// absent returns the members that a load balancer does not send: it sends one form of headers and query.
func (g *Gateway) absent() []string {
	if g.SingleValues {
		return []string{"multiValueHeaders", "multiValueQueryStringParameters"}
	}
	return []string{"headers", "queryStringParameters"}
}

// describe adds what only API Gateway sends. It writes null for what is absent.
func (g *Gateway) describe(e map[string]any, r *http.Request, query map[string][]string, body string) {
	e["resource"], e["pathParameters"] = "/{proxy+}", map[string]string{"proxy": strings.TrimPrefix(r.URL.Path, "/")}
	e["stageVariables"] = nil
	if len(query) == 0 {
		e["queryStringParameters"], e["multiValueQueryStringParameters"] = nil, nil
	}
	if body == "" {
		e["body"] = nil
	}
	e["requestContext"] = map[string]any{
		"accountId": "123456789012", "apiId": "1234567890", "httpMethod": r.Method, "path": "/prod" + r.URL.Path,
		"protocol": "HTTP/1.1", "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "resourcePath": "/{proxy+}",
		"stage": "prod", "domainName": r.Host, "requestTimeEpoch": 1428582896000,
		"identity": map[string]any{"sourceIp": sourceIP(r), "userAgent": r.UserAgent(), "user": nil},
	}
}

// query returns the values of the query by name. API Gateway decodes them; a load balancer does not.
func (g *Gateway) query(r *http.Request) map[string][]string {
	if !g.LoadBalancer {
		return r.URL.Query()
	}
	all := map[string][]string{}
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if name, value, _ := strings.Cut(pair, "="); pair != "" {
			all[name] = append(all[name], value)
		}
	}
	return all
}

// last returns the last value of each name.
func last(values map[string][]string) map[string]string {
	one := map[string]string{}
	for name, all := range values {
		one[name] = all[len(all)-1]
	}
	return one
}
