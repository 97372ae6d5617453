package chaos

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hookToken is the token of the source of webhooks.
var hookToken = "hbp_" + strings.Repeat("chaos7b", 6) + "x"

// policies are the changes of the demo policy, one of which is in force in a process.
// The first one is that of the start.
var policies = []func(string) string{
	func(text string) string { return text },
	replace("{min: 1, max: 365, default: 7}", "{min: 1, max: 365, default: 300}"),
	// The account payments is reached in another way.
	replace("access: assume_role\n    role: backup-operator", "access: hbr_cross_account\n    role: hbrcrossrole"),
	// The account payments is closed to new backups.
	replace("- alias: payments # another account, through its role: backups stay there\n    enabled: true",
		"- alias: payments\n    enabled: false"),
}

// replace is a change that must change something.
func replace(from, to string) func(string) string {
	return func(text string) string {
		if !strings.Contains(text, from) {
			panic("the demo policy does not have: " + from)
		}
		return strings.Replace(text, from, to, 1)
	}
}

// writePolicies writes a file for each of policies, and returns their paths.
func writePolicies(t testing.TB, folder string) (paths []string) {
	t.Helper()
	file, err := os.ReadFile("../cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	token := sha256.Sum256([]byte(hookToken))
	text := string(file)
	text = replace("retention_days: {min: 1, max: 365}", "retention_days: {min: 1, max: 365, default: 7}")(text)
	text = replace("{issuer: demo, subject: demo}", "{issuer: demo, subject: demo}\n      - {source: alerts}\n      - {source: nodays}")(text)
	key := `keys: [{id: t1, sha256: "` + hex.EncodeToString(token[:]) + `", not_after: "2099-01-01T00:00:00Z"}]`
	const values = "Account: {pointer: /account}, Region: cn-hangzhou, InstanceId: {pointer: /instance}, JobName: {pointer: /name}"
	text += `
sources:
  - {name: alerts, kind: bearer, ` + key + `, submission: {` + values + `, Retention: {pointer: /days}}}
  - {name: nodays, kind: bearer, ` + key + `, submission: {` + values + `}}
`
	for i, change := range policies {
		path := filepath.Join(folder, "policy-"+string(rune('0'+i))+".yaml")
		if err := os.WriteFile(path, []byte(change(text)), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}
