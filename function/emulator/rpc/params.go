package rpc

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Params are decoded parameters by name. A parameter that was sent without a value is present,
// because the signature covers it. For all other purposes an empty value means absent.
type Params map[string]string

// commonParams are the parameters that every operation accepts ("Common parameters" of the RPC
// style). All others belong to the operation.
var commonParams = []string{
	"AccessKeyId", "Action", "Format", "RegionId", "SecurityToken", "Signature", "SignatureMethod",
	"SignatureNonce", "SignatureType", "SignatureVersion", "Timestamp", "Version",
}

// take stores the first value of each name and replaces values that an earlier call of take has
// stored. It is called for the query, then for the form: if a name is in both, the vendor's
// client signs the value of the form.
func (p Params) take(values url.Values) {
	for name, vs := range values {
		p[name] = vs[0]
	}
}

// Operation returns the parameters that belong to the operation. The result is a copy and never
// nil.
func (p Params) Operation() Params {
	own := Params{}
	for name, v := range p {
		if !slices.Contains(commonParams, name) {
			own[name] = v
		}
	}
	return own
}

// CheckOneOf returns an InvalidParameter refusal if the parameter is present and its value is not
// in allowed.
func CheckOneOf(p Params, name string, allowed ...string) error {
	v := p[name]
	if v == "" || slices.Contains(allowed, v) {
		return nil
	}
	return Invalid(name, "%q is not one of %s", v, strings.Join(allowed, ", "))
}

// Decimal parses a decimal integer from 0 without sign, blanks or leading zeros, the vendor's
// form of an integer in a parameter. It returns false for any other text.
func Decimal(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == text
}

// A TagFilter matches tags with this key and value. An empty Value matches any value.
type TagFilter struct{ Key, Value string }

// Fits reports whether one of a resource's tags matches the filter.
func (f TagFilter) Fits(tags map[string]string) bool {
	value, ok := tags[f.Key]
	return ok && (f.Value == "" || f.Value == value)
}
