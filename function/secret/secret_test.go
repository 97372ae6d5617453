package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretNeverPrints(t *testing.T) {
	const marker = "correct-horse"
	s := New(marker)
	type holder struct {
		Public  String
		private String
	}
	shapes := []any{s, &s, holder{s, s}, &holder{s, s}, []String{s}, map[string]String{"k": s}, [1]String{s}, []any{s}}
	for _, shape := range shapes {
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %t %b %c %o %U %e %g") {
			if got := fmt.Sprintf(verb, shape); strings.Contains(got, marker) || strings.Contains(got, fmt.Sprintf("%x", marker)) {
				t.Errorf("%s of %T printed %s", verb, shape, got)
			}
		}
		if got, err := json.Marshal(shape); strings.Contains(string(got), marker) {
			t.Errorf("JSON of %T is %s (error %v)", shape, got, err)
		}
		var b bytes.Buffer
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "s", shape)
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "s", shape)
		if strings.Contains(b.String(), marker) {
			t.Errorf("log of %T is %s", shape, b.String())
		}
	}
	if s.Reveal() != marker || s.IsZero() || !(String{}).IsZero() || (String{}).Reveal() != "" {
		t.Error("a secret does not keep its text")
	}
}
