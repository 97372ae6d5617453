package event_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"backupportal/function/event"
)

// restEvent and albEvent are the events that the vendor's documentation shows, shortened.
const (
	restEvent = `{"resource":"/{proxy+}","path":"/echo","httpMethod":"POST",
		"headers":{"Content-Type":"text/plain","Host":"api.example.com","Cookie":"t=2","X-Two":"b"},
		"multiValueHeaders":{"Content-Type":["text/plain"],"Host":["api.example.com"],"Cookie":["s=1","t=2"],"X-Two":["a","b"]},
		"queryStringParameters":{"a":"3","b":"x&y"},"multiValueQueryStringParameters":{"a":["1","2","3"],"b":["x&y"]},
		"pathParameters":{"proxy":"echo"},"stageVariables":null,
		"requestContext":{"domainName":"api.example.com","requestId":"r-1","protocol":"HTTP/1.1","stage":"prod","path":"/prod/echo","identity":{"sourceIp":"192.0.2.1"}},
		"body":"aGVsbG8=","isBase64Encoded":true}`
	albEvent = `{"requestContext":{"elb":{"targetGroupArn":"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/portal/49e9d65c45c6791a"}},
		"httpMethod":"GET","path":"/echo","queryStringParameters":{"a":"x%26y","b":"1%2B1"},
		"headers":{"host":"lb.example.com","x-forwarded-for":"203.0.113.9, 192.0.2.1","accept":"*/*"},"body":"","isBase64Encoded":false}`
)

// onGateway answers an event on Lambda.
func onGateway(t *testing.T, d event.Handlers, ev string) (a struct {
	StatusCode        int
	StatusDescription string
	Headers           map[string]string
	MultiValueHeaders map[string][]string
	Body              string
}) {
	t.Helper()
	answer, err := calls[event.PlatformLambda](d, ev)
	if err != nil || json.Unmarshal(answer, &a) != nil {
		t.Fatalf("%s: %s, %v", ev, answer, err)
	}
	return a
}

// gatewaySeen returns the request that the test site saw.
func gatewaySeen(t *testing.T, ev string) (r seen) {
	t.Helper()
	d := quiet()
	d.Web = site()
	if err := json.Unmarshal([]byte(onGateway(t, d, ev).Body), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRequestOfGateways(t *testing.T) {
	r := gatewaySeen(t, restEvent)
	if r.Method != "POST" || r.Host != "api.example.com" || r.Body != "hello" || r.RequestID != "r-1" || r.Remote != "192.0.2.1:0" ||
		strings.Join(r.Query["a"], "") != "123" || r.Query["b"][0] != "x&y" ||
		strings.Join(r.Header["X-Two"], "") != "ab" || strings.Join(r.Header["Cookie"], "; ") != "s=1; t=2" {
		t.Errorf("REST API: %+v", r)
	}
	r = gatewaySeen(t, albEvent)
	if r.Method != "GET" || r.Host != "lb.example.com" || r.Remote != "192.0.2.1:0" || r.Query["a"][0] != "x&y" || r.Query["b"][0] != "1+1" {
		t.Errorf("load balancer: %+v", r)
	}
}

// TestAnswersOfGateways proves that each gateway gets the answer in its own form, also the answer to a request that
// cannot be read.
func TestAnswersOfGateways(t *testing.T) {
	d := quiet()
	d.Web = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		io.WriteString(w, "x")
	})
	multi := strings.Replace(albEvent, `"headers":{"host":"lb.example.com","x-forwarded-for":"203.0.113.9, 192.0.2.1","accept":"*/*"}`, `"multiValueHeaders":{"host":["lb.example.com"]}`, 1)
	for name, ev := range map[string]string{"REST API": restEvent, "load balancer": multi} {
		a := onGateway(t, d, ev)
		if a.StatusCode != 200 || len(a.MultiValueHeaders["Set-Cookie"]) != 2 || len(a.Headers) != 0 || (a.StatusDescription == "200 OK") != (name == "load balancer") {
			t.Errorf("%s: %+v", name, a)
		}
	}
	// With one value for each header, two cookies cannot be expressed.
	if a := onGateway(t, d, albEvent); a.StatusCode != 500 || a.StatusDescription != "500 Internal Server Error" || len(a.MultiValueHeaders) != 0 {
		t.Errorf("load balancer with single values: %+v", a)
	}
	for _, ev := range []string{restEvent, albEvent} {
		broken := strings.Replace(ev, `"path":"/echo"`, `"path":"echo"`, 1)
		if a := onGateway(t, quiet(), broken); a.StatusCode != 400 || len(a.Headers)+len(a.MultiValueHeaders) == 0 {
			t.Errorf("%s: %+v", broken, a)
		}
	}
}

// TestGatewayEventsThatCannotBeReadStartNothing proves that a value in an unknown place is refused, because it could
// be the parameter dry_run.
func TestGatewayEventsThatCannotBeReadStartNothing(t *testing.T) {
	for name, c := range map[string]struct{ in, old, new string }{
		"a second query":                    {restEvent, `"queryStringParameters":{"a":"3","b":"x&y"}`, `"queryStringParameters":{"a":"3","b":"x&y","dry_run":"true"}`},
		"another value":                     {restEvent, `"queryStringParameters":{"a":"3"`, `"queryStringParameters":{"a":"4"`},
		"a name only among all values":      {restEvent, `"b":["x&y"]`, `"b":["x&y"],"dry_run":["true"]`},
		"a query in the path":               {restEvent, `"path":"/echo"`, `"path":"/echo?dry_run=true"`},
		"a raw query too":                   {restEvent, `"stageVariables":null`, `"rawQueryString":"dry_run=true"`},
		"a query of Function Compute":       {albEvent, `"body":""`, `"queryParameters":{"dry_run":"true"},"body":""`},
		"a query of numbers":                {restEvent, `"a":["1","2","3"]`, `"a":[1]`},
		"a member in other capitals":        {albEvent, `"queryStringParameters"`, `"querystringparameters"`},
		"a member twice":                    {albEvent, `"body":""`, `"path":"/other","body":""`},
		"a method that is none":             {albEvent, `"httpMethod":"GET"`, `"httpMethod":"G T"`},
		"no path":                           {albEvent, `"path":"/echo",`, ``},
		"a name with an equals sign":        {albEvent, `"a":"x%26y"`, `"a=1&dry_run":"x"`},
		"a value with a separator":          {albEvent, `"a":"x%26y"`, `"a":"x&dry_run=true"`},
		"a value that cannot be decoded":    {albEvent, `"a":"x%26y"`, `"a":"%zz"`},
		"a flag that is none":               {restEvent, `"isBase64Encoded":true`, `"isBase64Encoded":"true"`},
		"a body that is not base64":         {restEvent, `"body":"aGVsbG8="`, `"body":"%"`},
		"half of a surrogate pair":          {albEvent, `"accept":"*/*"`, `"accept":"\ud800"`},
		"the request of another format too": {restEvent, `"protocol":"HTTP/1.1"`, `"http":{"method":"GET"}`},
	} {
		ev := strings.Replace(c.in, c.old, c.new, 1)
		if ev == c.in {
			t.Fatalf("%s: nothing was replaced", name)
		}
		d, _ := deaf(t)
		if a := onGateway(t, d, ev); a.StatusCode != 400 {
			t.Errorf("%s: %+v", name, a)
		}
	}
	// Elsewhere no gateway sends events, so these are answered in the platform's own form.
	for _, ev := range []string{restEvent, albEvent, readFile(t, "alb.json")} {
		d, _ := deaf(t)
		if answer, err := calls[event.PlatformFC](d, ev); err != nil || !strings.Contains(string(answer), `"statusCode":400`) {
			t.Errorf("on Function Compute: %s, %v", answer, err)
		}
	}
}
