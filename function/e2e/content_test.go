package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"backupportal/function/event"
)

// TestBothShapesOfATopicHaveOneRule proves that a message of an MNS topic in the format STREAM
// that is delivered twice starts one backup. It tests both forms of such messages: the text
// alone, and with message attributes. Each delivery has a different request id.
func TestBothShapesOfATopicHaveOneRule(t *testing.T) {
	text := kinds[0].json
	quoted, _ := json.Marshal(text)
	for name, shape := range map[string]string{
		"alone":           text,
		"with attributes": `{"body":` + string(quoted) + `,"attrs":{"trace":"1"}}`,
		"in base64":       `{"body":"` + encode(text) + `","attrs":{}}`,
		"a JSON string":   string(quoted),
	} {
		t.Run(name, func(t *testing.T) {
			p, cloud := wired(t, "DATABASE_URL", "sqlite:"+filepath.Join(t.TempDir(), "portal.db"))
			deliver := func(request int, ev string) string {
				inv := event.Invocation{Platform: event.PlatformFC, RequestID: fmt.Sprint("req-", request)}
				answer, err := p.Handlers.FC(event.WithInvocation(context.Background(), inv), []byte(ev))
				if err != nil {
					t.Fatal(err)
				}
				return string(answer)
			}
			first, again := deliver(1, shape), deliver(2, shape)
			if !strings.Contains(first, `"JobId":"job-`) || strings.Contains(first, "Replayed") || !strings.Contains(again, `"Replayed":true`) {
				t.Errorf("first %s\nagain %s", first, again)
			}
			other := deliver(3, strings.ReplaceAll(strings.ReplaceAll(shape, "web01", "web02"), encode(text), encode(strings.ReplaceAll(text, "web01", "web02"))))
			if strings.Contains(other, "Replayed") {
				t.Errorf("another text: %s", other)
			}
			if n := len(cloud.Ledger().CallsOf("CreateBackupJob")); n != 2 {
				t.Errorf("%d calls of CreateBackupJob, want 2", n)
			}
		})
	}
}

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
