package param

import (
	"encoding/json"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestPlainJSONNumber(t *testing.T) {
	for text, want := range map[string]string{
		"15": "15", "15.0": "15", "1.5e1": "15", "150e-1": "15", "1.5E+1": "15", "0.15e2": "15", "15.000": "15",
		"0": "0", "-0": "0", "-0.0": "0", "0e99999999999": "0", "-7.0": "-7", "1e3": "1000", "100": "100", "100.00e-2": "1",
		"1.5": "1.5", "15e-1": "15e-1", "1.5e0": "1.5e0", "-0.5": "-0.5", "15.0000000000000000001": "15.0000000000000000001",
		"9007199254740993.0": "9007199254740993", "1.234567890123457e15": "1234567890123457",
		"1e31": "10000000000000000000000000000000", "1e32": "1e32", "1e999999999": "1e999999999", "1e-999999999": "1e-999999999",
		"1e9223372036854775807": "1e9223372036854775807", "1e-9223372036854775808": "1e-9223372036854775808",
		"1e99999999999999999999": "1e99999999999999999999", "true": "true", "null": "null", `"15.0"`: `"15.0"`, "[1]": "[1]",
	} {
		if got := plainJSONNumber(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// TestPlainJSONNumberIsExact proves that the plain form has exactly the value of the number,
// and that only fractions and very long numbers have no plain form.
func TestPlainJSONNumberIsExact(t *testing.T) {
	form := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		text := form.Draw(t, "number")
		got := plainJSONNumber(text)
		value, _ := new(big.Rat).SetString(text)
		plain, isWhole := new(big.Int).SetString(got, 10)
		switch {
		case isWhole && (!value.IsInt() || value.Num().Cmp(plain) != 0 || plain.String() != got):
			t.Fatalf("%s became %s", text, got)
		case !isWhole && value.IsInt() && len(new(big.Int).Abs(value.Num()).String()) <= longestNumber:
			t.Fatalf("%s is whole and became %s", text, got)
		case !isWhole && got != text:
			t.Fatalf("%s was changed to %s", text, got)
		}
	})
}

// TestWholeNumbersHaveManyForms proves that forms such as 15.0 and 1.5e1 are stored as 15 in
// every field that the schema declares as an integer. Fractions are refused. A number out of
// bounds is refused with a sentence that names the bounds.
func TestWholeNumbersHaveManyForms(t *testing.T) {
	for text, want := range map[string]string{
		`{"Retention":15.0}`:                                             "15",
		`{"Retention":1.5e1}`:                                            "15",
		`{"Detail":{"timeoutInSeconds":6e1}}`:                            "60",
		`{"Detail":"{\"destinationRetention\":70e-1}"}`:                  "7",
		`{"CrossAccountUserId":1.234567890123456e15}`:                    "1234567890123456",
		`{"CrossAccountUserId":1234567890123456.0}`:                      "1234567890123456",
		`{"Retention":1e40}`:                                             "1e40",
		`{"Retention":1.5}`:                                              "1.5",
		`{"CrossAccountUserId":"1234567890123456"}`:                      "1234567890123456",
		`{"Detail":{"timeoutInSeconds":"60"},"Options":"","Exclude":[]}`: "60",
	} {
		p, _, err := DecodeJSON([]byte(text))
		if err != nil || len(p) != 1 {
			t.Errorf("%s: %v, %v", text, p, err)
		}
		for name, got := range p {
			if got != want {
				t.Errorf("%s: %s is %q, want %q", text, name, got, want)
			}
		}
	}
	field, _ := FieldNamed("Retention")
	for text, code := range map[string]string{
		"15.0": "", "1e30": "between", "0.0": "between", "-1.5e1": "between", "1.5": "integer", "15e-1": "integer", "1e400": "between", "1e99999999999": "between",
		"-1e400": "between", "1e-400": "integer",
	} {
		value, ok := field.fromJSON(json.RawMessage(text))
		bad := field.Check(value)
		if !ok || (len(bad) > 0) != (code != "") || code != "" && bad[0].Code != code {
			t.Errorf("%s: %q, %v, want code %q", text, value, bad, code)
		}
	}
	if _, _, err := DecodeJSON([]byte(`{"CrossAccountUserId":1234567890123456.5}`)); err == nil {
		t.Error("an account ID with a fraction is taken")
	}
}
