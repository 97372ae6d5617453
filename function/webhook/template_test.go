package webhook

import (
	"errors"
	"reflect"
	"testing"
)

func pointer(t *testing.T, text string) []string {
	t.Helper()
	parts, ok := ParsePointer(text)
	if !ok {
		t.Fatalf("%q is not a JSON pointer", text)
	}
	return parts
}

func TestParsePointer(t *testing.T) {
	for text, want := range map[string][]string{
		"/a": {"a"}, "/a/0/b c": {"a", "0", "b c"}, "/": {""}, "/a~1b/~0/~01": {"a/b", "~", "~1"}, "//": {"", ""},
		"": nil, "a": nil, "/~": nil, "/~2": nil, "/a~": nil, "#/a": nil,
	} {
		got, ok := ParsePointer(text)
		if ok != (want != nil) || ok && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, %v", text, got, ok)
		}
	}
}

// TestSubmission proves what a webhook message becomes: the fixed values of the template, and
// the values at the places to which the template points. Other members of the message are
// ignored, even if they have the name of a parameter.
func TestSubmission(t *testing.T) {
	s := Source{
		When: []Condition{{Pointer: pointer(t, "/status"), Equals: "firing"}},
		Submission: map[string]Part{
			"Account": {Value: "prod"}, "Retention": {Value: "7"}, "Detail.doCopy": {Value: "false"},
			"InstanceId": {Pointer: pointer(t, "/alerts/0/labels/instance~1id")}, "Region": {Pointer: pointer(t, "/region")},
		},
	}
	const message = `{"status":"firing","region":"cn-hangzhou","Account":"other","alerts":[{"labels":{"instance/id":"i-1"}}]}`
	got, err := submission(s, []byte(message))
	const want = `{"Account":"prod","Detail":{"doCopy":false},"InstanceId":"i-1","Region":"cn-hangzhou","Retention":7}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
	if got, err := submission(s, []byte(`{"status":"firing"}`)); err != nil || string(got) != `{"Account":"prod","Detail":{"doCopy":false},"Retention":7}` {
		t.Errorf("without the optional members: %s, %v", got, err)
	}
	for _, other := range []string{`{"status":"resolved"}`, `{}`, `[]`, `"firing"`, `{"status":["firing"]}`, `null`} {
		if _, err := submission(s, []byte(other)); !errors.Is(err, ErrNothing) {
			t.Errorf("%s: %v", other, err)
		}
	}
	for _, broken := range []string{"", "{", `{} {}`, "\xff", `{"status":"firing"}x`} {
		if _, err := submission(s, []byte(broken)); !errors.Is(err, ErrNotJSON) {
			t.Errorf("%q: %v", broken, err)
		}
	}
}
