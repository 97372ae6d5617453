package logging

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
)

func TestLineHasRequestID(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(NewHandler(slog.NewJSONHandler(&out, nil))).With("part", "a")
	for _, id := range []string{"r-1", ""} {
		out.Reset()
		log.InfoContext(WithRequestID(t.Context(), id), "x")
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		got, present := line[Key].(string)
		if got != id || present != (id != "") || line["part"] != "a" {
			t.Errorf("id %q: %v", id, line)
		}
	}
}

func TestContextWithoutRequestID(t *testing.T) {
	if id := RequestID(t.Context()); id != "" {
		t.Errorf("RequestID = %q, want none", id)
	}
}
