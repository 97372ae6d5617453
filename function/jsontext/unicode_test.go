package jsontext_test

import (
	"errors"
	"testing"

	"backupportal/function/jsontext"
)

func TestInvalidUnicodeIsFound(t *testing.T) {
	for text, want := range map[string]error{
		`"\ud83d\ude00"`: nil, `"\uD83D\uDE00\ufffd"`: nil, `"\\ud800"`: nil, "\"\ufffd 😀\"": nil, `{}`: nil, `"\n\u0041"`: nil,
		`"\ud800"`: jsontext.ErrSurrogate, `"\ud801"`: jsontext.ErrSurrogate, `"\uDFFF"`: jsontext.ErrSurrogate,
		`"\ude00\ud83d"`: jsontext.ErrSurrogate, `"\ud800\ud800"`: jsontext.ErrSurrogate, `"\ud800 \udc00"`: jsontext.ErrSurrogate,
		`"\ud800\n"`: jsontext.ErrSurrogate, `"\ud800","\udc00"`: jsontext.ErrSurrogate, `"\\\udbff"`: jsontext.ErrSurrogate,
		`{"\udc00":1}`: jsontext.ErrSurrogate, `"\ufffd\ud800"`: jsontext.ErrSurrogate, `"\ud83d\ude00\ude00"`: jsontext.ErrSurrogate,
		"\"\xff\"": jsontext.ErrUTF8, "\"\xed\xa0\x80\"": jsontext.ErrUTF8, "\"\xc0\xaf\"": jsontext.ErrUTF8, "\"\xe4\xbd\"": jsontext.ErrUTF8,
	} {
		if err := jsontext.Unicode([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}
