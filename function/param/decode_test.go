package param

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/jsontext"
)

// vendorDetail is the sample value of Detail on the API page of CreateBackupJob.
const vendorDetail = `{"doCopy":false,"destinationRegionId":"","destinationRetention":null,"diskIdList":[],` +
	`"snapshotGroup":false,"appConsistent":false,"enableWriters":true,"preScriptPath":"","postScriptPath":"",` +
	`"enableFsFreeze":true,"timeoutInSeconds":60}`

var decodedDetail = Params{
	"Detail.doCopy": "false", "Detail.snapshotGroup": "false", "Detail.appConsistent": "false",
	"Detail.enableWriters": "true", "Detail.enableFsFreeze": "true", "Detail.timeoutInSeconds": "60",
}

func TestDecodeJSON(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		want  Params
		codes []string
	}{
		"the contract's example": {`{"Account":"payments","Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp1","Retention":15,"Detail":{"doCopy":false}}`,
			Params{"Account": "payments", "Region": "cn-hangzhou", "SourceType": "UDM_ECS", "InstanceId": "i-bp1", "Retention": "15", "Detail.doCopy": "false"}, nil},
		"the vendor's sample of Detail":             {`{"Detail":` + vendorDetail + `}`, decodedDetail, nil},
		"the vendor's sample of Detail as text":     {`{"Detail":` + jsontext.Must(vendorDetail) + `}`, decodedDetail, nil},
		"Options as text":                           {`{"Options":"{\"UseVSS\":false}"}`, Params{"Options.UseVSS": "false"}, nil},
		"Detail as an empty text":                   {`{"Detail":" "}`, Params{}, nil},
		"Detail as text of another kind":            {`{"Detail":"[1]"}`, Params{}, []string{"Detail type"}},
		"Detail as text that is no JSON":            {`{"Detail":"{doCopy:false}"}`, Params{}, []string{"Detail type"}},
		"the older prose for Options":               {`{"Options":"[\"UseVSS\":true]"}`, Params{}, []string{"Options type"}},
		"a repeated key in a text":                  {`{"Detail":"{\"doCopy\":true,\"doCopy\":false}"}`, Params{"Detail.doCopy": "false"}, []string{"Detail.doCopy twice"}},
		"a wrong type in a text":                    {`{"Options":"{\"UseVSS\":1}"}`, Params{}, []string{"Options.UseVSS type"}},
		"a whole surrogate pair, and U+FFFD itself": {`{"Include":["/\ud83d\ude00","/\ufffd"]}`, Params{"Include": `["/😀","/` + "\ufffd" + `"]`}, nil},
		"lists":                       {`{"Include":["/a b","/<&>"],"Exclude":[]}`, Params{"Include": `["/a b","/<&>"]`}, nil},
		"a list as the API takes it":  {`{"Include":"[\"/a\", \"/b\"]"}`, Params{"Include": `["/a","/b"]`}, nil},
		"volumes":                     {`{"ContainerResources":[ {"host": "h"} ]}`, Params{"ContainerResources": `[{"host":"h"}]`}, nil},
		"an unknown key":              {`{"instanceId":"i-1"}`, Params{}, []string{"instanceId unknown"}},
		"a dotted key":                {`{"Detail.doCopy":true}`, Params{}, []string{"Detail.doCopy unknown"}},
		"an unknown key of Detail":    {`{"Detail":{"timeoutSeconds":30}}`, Params{}, []string{"Detail.timeoutSeconds unknown"}},
		"a repeated key":              {`{"Retention":1,"Retention":2}`, Params{"Retention": "2"}, []string{"Retention twice"}},
		"a repeated key of Detail":    {`{"Detail":{"doCopy":true,"doCopy":false}}`, Params{"Detail.doCopy": "false"}, []string{"Detail.doCopy twice"}},
		"Detail as text":              {`{"Detail":"{}"}`, Params{}, nil},
		"a number as text":            {`{"Retention":"15"}`, Params{"Retention": "15"}, nil},
		"a number with blanks":        {`{"Retention":" 030\t"}`, Params{"Retention": "30"}, nil},
		"a number in full width":      {`{"Detail":{"timeoutInSeconds":"　６０"}}`, Params{"Detail.timeoutInSeconds": "60"}, nil},
		"no number":                   {`{"Retention":""}`, Params{}, nil},
		"words for a number":          {`{"Retention":"15 days"}`, Params{}, []string{"Retention type"}},
		"an account ID in full width": {`{"CrossAccountUserId":" １５８９７５００００００４６２５"}`, Params{"CrossAccountUserId": "1589750000004625"}, nil},
		"text as a number":            {`{"JobName":20260101}`, Params{"JobName": "20260101"}, nil},
		"a truth as text":             {`{"InitiatedByAck":"true"}`, Params{"InitiatedByAck": "true"}, nil},
		"a list of numbers":           {`{"Include":[1]}`, Params{}, []string{"Include type"}},
		"a text that is no list":      {`{"Include":"/home"}`, Params{"Include": `["/home"]`}, nil},
		"blanks around an ID":         {`{"InstanceId":" i-1\n","Detail":{"diskIdList":[" d-1 "]}}`, Params{"InstanceId": "i-1", "Detail.diskIdList": `["d-1"]`}, nil},
		"a wrong type under a switch that is off": {`{"Detail":{"timeoutInSeconds":true,"doCopy":false,"destinationRegionId":{"a":1}}}`,
			Params{"Detail.timeoutInSeconds": "true", "Detail.doCopy": "false", "Detail.destinationRegionId": `{"a":1}`}, nil},
		"a wrong type under a switch that is on": {`{"Detail":{"appConsistent":"True","timeoutInSeconds":true}}`,
			Params{"Detail.appConsistent": "true"}, []string{"Detail.timeoutInSeconds type"}},
		"a wrong type under a switch of a wrong type": {`{"Detail":{"appConsistent":1,"timeoutInSeconds":[]}}`,
			Params{"Detail.timeoutInSeconds": "[]"}, []string{"Detail.appConsistent type"}},
		"a repeated key of a wrong type": {`{"Detail":{"doCopy":1,"doCopy":2}}`, Params{}, []string{"Detail.doCopy twice"}},
		"a repeated unknown key":         {`{"Detail":{"x":1,"x":2}}`, Params{}, []string{"Detail.x twice"}},
		"a repeated object":              {`{"Detail":{"doCopy":1},"Detail":{"y":2}}`, Params{}, []string{"Detail twice"}},
		"an account ID keeps its digits": {`{"CrossAccountUserId":"9007199254740993"}`, Params{"CrossAccountUserId": "9007199254740993"}, nil},
		"an account ID as a number, too": {`{"CrossAccountUserId":9007199254740993}`, Params{"CrossAccountUserId": "9007199254740993"}, nil},
		"an account ID that is none":     {`{"CrossAccountUserId":-1}`, Params{}, []string{"CrossAccountUserId type"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := DecodeJSON([]byte(c.text))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.codes, codes(err)); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestValuesGetTheTypeOfTheirParameter proves which values are converted to the type of their
// parameter, for example the text "15" for a number. Other values are reported as a mistake of
// their parameter. Conversion is needed because labels of alerts are always texts.
func TestValuesGetTheTypeOfTheirParameter(t *testing.T) {
	const refused = "refused"
	for _, c := range []struct{ name, value, want string }{
		{"Retention", `"7"`, "7"}, {"Retention", `" 30 "`, "30"}, {"Retention", `"３０"`, "30"}, {"Retention", `7`, "7"},
		{"Retention", `""`, ""}, {"Retention", `" "`, ""}, {"Retention", `"07"`, "7"}, {"Retention", `"7 days"`, refused},
		{"Retention", `"15.0"`, "15"}, {"Retention", `15.0`, "15"}, {"Retention", `"1.5e1"`, "15"}, {"Retention", `"1,000"`, "1000"},
		{"Retention", `"1,5"`, refused}, {"Retention", `"1.5"`, refused}, {"Retention", `"-1"`, refused}, {"Retention", `"NaN"`, refused},
		{"Retention", `"0x10"`, refused}, {"Retention", `"+5"`, refused}, {"Retention", `true`, refused}, {"Retention", `null`, ""},
		{"Retention", `12345678901234567890`, refused}, {"Retention", `[7]`, refused},
		{"InitiatedByAck", `"true"`, "true"}, {"InitiatedByAck", `"False"`, "false"}, {"InitiatedByAck", `" ＴＲＵＥ "`, "true"},
		{"InitiatedByAck", `""`, ""}, {"InitiatedByAck", `"yes"`, refused}, {"InitiatedByAck", `"1"`, refused}, {"InitiatedByAck", `1`, refused},
		{"JobName", `7`, "7"}, {"JobName", `12345678901234567890`, "12345678901234567890"}, {"JobName", `true`, "true"},
		{"JobName", `" \t"`, ""}, {"JobName", `"\u3000"`, ""}, {"JobName", `["a"]`, refused},
		{"Reason", `" Fix the login\r\n\r\n* tests\n"`, "Fix the login * tests"}, {"Reason", `"disk  full"`, "disk  full"}, {"Reason", `"a\tb\u000bc"`, "a b c"}, {"Reason", `"\n"`, ""},
		{"Reason", `"a\u0007b"`, refused}, {"Reason", `["a"]`, refused}, {"Ticket", `" OPS-7\n"`, "OPS-7"}, {"Ticket", `1234`, "1234"},
		{"InstanceId", `"\u00a0i-1"`, "i-1"}, {"InstanceId", `7`, refused},
		{"InstanceId", `{"a":1}`, refused}, {"InstanceId", `"i-1 i-2"`, refused},
		{"Include", `"[\"/data\"]"`, `["/data"]`}, {"Include", `" [\"/data\"]"`, `["/data"]`}, {"Include", `["/data "]`, `["/data "]`},
		{"Include", `"/data"`, `["/data"]`}, {"Include", `" /a \n\n/b "`, `["/a","/b"]`}, {"Include", `" "`, ""}, {"Include", `7`, refused},
		{"ContainerResources", `"r"`, refused}, {"ContainerResources", `"[{\"resourceId\":\"r\"}]"`, `[{"resourceId":"r"}]`},
	} {
		p, _, err := DecodeJSON([]byte(`{"` + c.name + `":` + c.value + `}`))
		got := p[c.name]
		if f, _ := FieldNamed(c.name); err != nil || f.Check(got) != nil {
			got = refused
		}
		if got != c.want {
			t.Errorf("%s from %s: got %q, %v, want %q", c.name, c.value, p[c.name], err, c.want)
		}
	}
}

func TestDecodeJSONErrorPosition(t *testing.T) {
	for text, want := range map[string]struct {
		line int
		says string
	}{
		"":                               {1, "unexpected end"},
		"[]":                             {1, "one JSON object"},
		"null":                           {1, "one JSON object"},
		"{\n\"a\": 1,\n}":                {3, "invalid JSON"},
		"{} {}":                          {1, "unexpected text"},
		"{\"a\":\"\xff\"}":               {1, "UTF-8"},
		strings.Repeat(`{"a":`, 9) + "1": {1, "too deeply"},
		`{"Include":["/a\ud800"]}`:       {1, "surrogate"},
		`{"a\udc00":1}`:                  {1, "surrogate"},
		"{\"Retention\": 1":              {1, "unexpected end"},
	} {
		_, _, err := DecodeJSON([]byte(text))
		bad, ok := errors.AsType[*MalformedError](err)
		if !ok || bad.Line != want.line || !strings.Contains(bad.Problem.En, want.says) {
			t.Errorf("%q: got %v, want line %d, %q", text, err, want.line, want.says)
		}
	}
}

func TestDecodeJSONReturnsOwnKeys(t *testing.T) {
	_, own, err := DecodeJSON([]byte(`{"key":"k","dry_run":true}`), "key", "dry_run")
	if err != nil || string(own["key"]) != `"k"` || string(own["dry_run"]) != "true" {
		t.Errorf("got %q, error %v", own, err)
	}
}

// FuzzDecodeJSON proves that DecodeJSON returns only known parameters, and only its two
// documented errors, for any input. Validate and Parameters must not panic on the result.
func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"Account":"a","Detail":{"doCopy":true},"Include":["/a"],"ContainerResources":[{}]}`))
	f.Add([]byte(`{"Retention":1e9,"Include":"[]","Options":{"UseVSS":null}}`))
	f.Add([]byte("{\"a\":{\"a\":[{\"a\":1,\"a\":2}]}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, _, err := DecodeJSON(data)
		_, malformed := errors.AsType[*MalformedError](err)
		_, invalid := errors.AsType[InvalidError](err)
		if err != nil && !malformed && !invalid {
			t.Fatalf("error of another kind: %v", err)
		}
		for name := range p {
			if _, ok := FieldNamed(name); !ok {
				t.Fatalf("%q is no field", name)
			}
		}
		_ = p.Validate()
		_ = p.Parameters()
	})
}
