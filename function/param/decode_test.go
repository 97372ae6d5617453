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
		"lists":                          {`{"Include":["/a b","/<&>"],"Exclude":[]}`, Params{"Include": `["/a b","/<&>"]`}, nil},
		"a list as the API takes it":     {`{"Include":"[\"/a\", \"/b\"]"}`, Params{"Include": `["/a","/b"]`}, nil},
		"volumes":                        {`{"ContainerResources":[ {"host": "h"} ]}`, Params{"ContainerResources": `[{"host":"h"}]`}, nil},
		"an unknown key":                 {`{"instanceId":"i-1"}`, Params{}, []string{"instanceId unknown"}},
		"a dotted key":                   {`{"Detail.doCopy":true}`, Params{}, []string{"Detail.doCopy unknown"}},
		"an unknown key of Detail":       {`{"Detail":{"timeoutSeconds":30}}`, Params{}, []string{"Detail.timeoutSeconds unknown"}},
		"a repeated key":                 {`{"Retention":1,"Retention":2}`, Params{"Retention": "2"}, []string{"Retention twice"}},
		"a repeated key of Detail":       {`{"Detail":{"doCopy":true,"doCopy":false}}`, Params{"Detail.doCopy": "false"}, []string{"Detail.doCopy twice"}},
		"Detail as text":                 {`{"Detail":"{}"}`, Params{}, nil},
		"a number as text":               {`{"Retention":"15"}`, Params{"Retention": "15"}, nil},
		"a number with blanks":           {`{"Retention":" 030\t"}`, Params{"Retention": "30"}, nil},
		"a number in full width":         {`{"Detail":{"timeoutInSeconds":"　６０"}}`, Params{"Detail.timeoutInSeconds": "60"}, nil},
		"no number":                      {`{"Retention":""}`, Params{}, nil},
		"words for a number":             {`{"Retention":"15 days"}`, Params{}, []string{"Retention type"}},
		"an account ID in full width":    {`{"CrossAccountUserId":" １５８９７５００００００４６２５"}`, Params{"CrossAccountUserId": "1589750000004625"}, nil},
		"text as a number":               {`{"InstanceId":15}`, Params{}, []string{"InstanceId type"}},
		"a truth as text":                {`{"InitiatedByAck":"true"}`, Params{}, []string{"InitiatedByAck type"}},
		"a list of numbers":              {`{"Include":[1]}`, Params{}, []string{"Include type"}},
		"a text that is no list":         {`{"Include":"/home"}`, Params{}, []string{"Include type"}},
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

// FuzzDecodeJSON checks that any input gives known parameters or one of the two documented
// errors, and that Validate and Parameters do not panic on the result.
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
