package param

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// longestNumber is the maximum number of digits that [plainJSONNumber] writes, so that
// 1e999999999 does not become a text of a gigabyte. Every bound of a field has fewer digits.
const longestNumber = 32

// plainJSONNumber returns a whole JSON number as plain digits, with a minus sign if it is
// negative: 15.0, 1.5e1 and 150e-1 become 15, and -0 becomes 0. The value is exact, because the
// function moves digits and calculates nothing. It returns every other text unchanged:
// fractions, numbers of more than longestNumber digits, and texts that are not numbers.
//
// Source: JSON Schema draft 2020-12, core, section 4.2.3: 1.0 and 1 are the same integer.
func plainJSONNumber(raw string) string {
	mantissa, exponent, scaled := strings.Cut(strings.ToLower(raw), "e")
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	if !isDigits(whole + fraction) {
		return raw
	}
	if digits == "" {
		return "0"
	}
	shift := 0
	if scaled {
		var err error
		if shift, err = strconv.Atoi(exponent); err != nil {
			return raw
		}
	}
	significant := strings.TrimRight(digits, "0")
	zeros := shift - len(fraction) + len(digits) - len(significant)
	if zeros < 0 || zeros > longestNumber-len(significant) {
		return raw
	}
	if negative {
		significant = "-" + significant
	}
	return significant + strings.Repeat("0", zeros)
}

// isNumber reports whether a valid JSON value is a number.
func isNumber(raw []byte) bool { return raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' }

// isHuge reports whether value is a JSON number of at least 2^63 or at most -2^63. It compares
// float64 values, which are rounded, so a number slightly below 2^63 counts too.
func isHuge(value string) bool {
	if !isJSONNumber(value) {
		return false
	}
	n, _ := strconv.ParseFloat(value, 64) // an infinity if it is too large
	return math.Abs(n) >= 1<<63
}

// isJSONNumber reports whether s is a number as JSON writes it.
func isJSONNumber(s string) bool { return s != "" && isNumber([]byte(s)) && json.Valid([]byte(s)) }
