package chaos

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hookToken is the bearer token of the webhook sources.
var hookToken = "hbp_" + strings.Repeat("chaos7b", 6) + "x"

// policies lists changes of the demo policy. Each process runs with one of the changed policies.
// Every process starts with the first policy.
var policies = []func(string) string{
	func(text string) string { return text },
	replace("{min: 1, max: 365, default: 7}", "{min: 1, max: 365, default: 300}"),
	// This policy reaches the account payments with another access method.
	replace("access: assume_role\n    role: backup-operator", "access: hbr_cross_account\n    role: hbrcrossrole"),
	// This policy closes the account payments to new backups.
	replace("- alias: payments # another account, through its role: backups stay there\n    enabled: true",
		"- alias: payments\n    enabled: false"),
}

// replace returns a function that replaces from by to in a text. The function panics if the text
// does not contain from.
func replace(from, to string) func(string) string {
	return func(text string) string {
		if !strings.Contains(text, from) {
			panic("the demo policy does not have: " + from)
		}
		return strings.Replace(text, from, to, 1)
	}
}

// writePolicies writes one policy file for each element of policies and returns the paths.
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
