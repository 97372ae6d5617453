package ram

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParsePolicyRefuses(t *testing.T) {
	const good = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	statement := func(text string) string { return `{"Version":"1","Statement":[` + text + `]}` }
	for name, text := range map[string]string{
		"another version":         `{"Version":"2","Statement":[` + good + `]}`,
		"a version of a number":   `{"Version":1,"Statement":[` + good + `]}`,
		"no statements":           `{"Version":"1","Statement":[]}`,
		"nothing":                 ``,
		"text behind it":          statement(good) + ` {}`,
		"an element nobody knows": `{"Version":"1","Id":"x","Statement":[` + good + `]}`,
		"a key in another case":   `{"version":"1","Statement":[` + good + `]}`,
		"a key twice":             `{"Version":"1","Version":"1","Statement":[` + good + `]}`,
		"unknown effect":          statement(`{"Effect":"allow","Action":"*","Resource":"*"}`),
		"no action":               statement(`{"Effect":"Allow","Resource":"*"}`),
		"action and NotAction":    statement(`{"Effect":"Allow","Action":"a:b","NotAction":"a:c","Resource":"*"}`),
		"an empty list":           statement(`{"Effect":"Allow","Action":[],"Resource":"*"}`),
		"action of no form":       statement(`{"Effect":"Allow","Action":"everything","Resource":"*"}`),
		"no resource":             statement(`{"Effect":"Allow","Action":"*"}`),
		"NotResource":             statement(`{"Effect":"Allow","Action":"*","NotResource":"*"}`),
		"action of an object":     statement(`{"Effect":"Allow","Action":{},"Resource":"*"}`),
		"an unknown principal":    statement(`{"Effect":"Allow","Action":"*","Principal":{"AWS":"*"}}`),
		"nobody as principal":     statement(`{"Effect":"Allow","Action":"*","Principal":{}}`),
		"an unknown operator":     statement(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringIs":{"acs:SourceIp":"x"}}}`),
		"a key of no form":        statement(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"SourceIp":"x"}}}`),
		"no address":              statement(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"acs:SourceIp":"x"}}}`),
		"no date":                 statement(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"acs:CurrentTime":"soon"}}}`),
		"no boolean":              statement(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"acs:SecureTransport":"yes"}}}`),
		"no number":               statement(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericEquals":{"ecs:X":"one"}}}`),
	} {
		if got, err := ParsePolicy(text); err == nil {
			t.Errorf("%s: parsed as %+v", name, got)
		}
	}
}

func TestParsePolicyReadsAllElements(t *testing.T) {
	got, err := ParsePolicy(`{"Version":"1","Statement":{"Effect":"Deny","NotAction":"ram:*",
		"Resource":["acs:ecs:*:*:instance/i-1"],"Condition":{"Bool":{"acs:SecureTransport":[false]}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	want := Policy{{Effect: "Deny", NotActions: []string{"ram:*"}, Resources: []string{"acs:ecs:*:*:instance/i-1"},
		Conditions: Conditions{"Bool": {"acs:SecureTransport": {"false"}}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
}

func TestConditionOperators(t *testing.T) {
	keys := map[string]string{"acs:SourceIp": "10.0.0.7", "acs:CurrentTime": "2026-01-02T03:04:05Z", "acs:SecureTransport": "true",
		"x:Text": "Portal-7", "x:Number": "42"}
	have := func(name string) (string, bool) { v, ok := keys[name]; return v, ok }
	for _, tt := range []struct {
		operator, key, values string
		want                  bool
	}{
		{"StringEquals", "x:Text", "Portal-7", true},
		{"StringEquals", "x:Text", "other Portal-7", true},
		{"StringEquals", "x:Text", "portal-7", false},
		{"StringEquals", "x:Absent", "a", false},
		{"StringNotEquals", "x:Text", "other", true},
		{"StringNotEquals", "x:Text", "other Portal-7", false},
		{"StringNotEquals", "x:Absent", "a", true},
		{"StringEqualsIgnoreCase", "x:Text", "PORTAL-7", true},
		{"StringNotEqualsIgnoreCase", "x:Text", "PORTAL-7", false},
		{"StringLike", "x:Text", "Portal-*", true},
		{"StringLike", "x:Text", "Portal-??", false},
		{"StringNotLike", "x:Text", "Portal-*", false},
		{"NumericEquals", "x:Number", "42.0", true},
		{"NumericNotEquals", "x:Number", "42", false},
		{"NumericLessThan", "x:Number", "42", false},
		{"NumericLessThanEquals", "x:Number", "42", true},
		{"NumericGreaterThan", "x:Number", "9", true},
		{"NumericGreaterThanEquals", "x:Number", "43", false},
		{"NumericEquals", "x:Text", "42", false},
		{"DateEquals", "acs:CurrentTime", "2026-01-02T11:04:05+08:00", true},
		{"DateNotEquals", "acs:CurrentTime", "2026-01-02T11:04:05+08:00", false},
		{"DateLessThan", "acs:CurrentTime", "2026-01-02T03:05Z", true},
		{"DateLessThanEquals", "acs:CurrentTime", "2026-01-02T03:04Z", false},
		{"DateGreaterThan", "acs:CurrentTime", "2026-01-02T03:04Z", true},
		{"DateGreaterThanEquals", "acs:CurrentTime", "2026-01-02T03:04:05Z", true},
		{"Bool", "acs:SecureTransport", "TRUE", true},
		{"Bool", "acs:SecureTransport", "false", false},
		{"IpAddress", "acs:SourceIp", "10.0.0.0/24", true},
		{"IpAddress", "acs:SourceIp", "10.0.0.8", false},
		{"NotIpAddress", "acs:SourceIp", "192.0.2.0/24 10.0.0.7", false},
		{"NotIpAddress", "acs:SourceIp", "2001:db8::/32", true},
	} {
		all := Conditions{tt.operator: {tt.key: strings.Fields(tt.values)}}
		if err := all.check(); err != nil {
			t.Errorf("%v: %v", all, err)
		}
		if got := all.hold(have); got != tt.want {
			t.Errorf("%v: %v", all, got)
		}
	}
	both := Conditions{"Bool": {"acs:SecureTransport": {"true"}}, "StringEquals": {"x:Text": {"Portal-7"}, "x:Number": {"42"}}}
	if !both.hold(have) {
		t.Error("three conditions that hold do not hold together")
	}
	both["StringEquals"]["x:Number"] = Values{"43"}
	if both.hold(have) {
		t.Error("one condition that does not hold is passed over")
	}
}
