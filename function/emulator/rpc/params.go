package rpc

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Params are decoded parameters by name. A parameter that was sent empty is
// kept, since it is signed, and counts as absent everywhere else.
type Params map[string]string

// commonParams are those that every operation takes ("Common parameters" of
// the RPC style); all others belong to the operation.
var commonParams = []string{
	"AccessKeyId", "Action", "Format", "RegionId", "SecurityToken", "Signature", "SignatureMethod",
	"SignatureNonce", "SignatureType", "SignatureVersion", "Timestamp", "Version",
}

// take adds the first value of each name. What is taken later wins: the vendor's
// client signs the form's value where a name is in both places.
func (p Params) take(values url.Values) {
	for name, vs := range values {
		p[name] = vs[0]
	}
}

// Operation returns the parameters that are not common to all operations.
func (p Params) Operation() Params {
	own := Params{}
	for name, v := range p {
		if !slices.Contains(commonParams, name) {
			own[name] = v
		}
	}
	return own
}

// CheckOneOf lets an absent value pass.
func CheckOneOf(p Params, name string, allowed ...string) error {
	v := p[name]
	if v == "" || slices.Contains(allowed, v) {
		return nil
	}
	return Invalid(name, "%q is not one of %s", v, strings.Join(allowed, ", "))
}

// Decimal reads digits without sign, blanks or leading zeros, which is how the
// vendor writes an integer in a parameter.
func Decimal(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == text
}

// A TagFilter wants a tag, whatever its value if that is empty.
type TagFilter struct{ Key, Value string }

// Fits reports whether a thing has the tag.
func (f TagFilter) Fits(tags map[string]string) bool {
	value, ok := tags[f.Key]
	return ok && (f.Value == "" || f.Value == value)
}
