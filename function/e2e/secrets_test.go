package e2e

import (
	"bytes"
	"encoding/gob"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	htmltemplate "html/template"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	texttemplate "text/template"

	"go.yaml.in/yaml/v3"

	"backupportal/function/app"
	"backupportal/function/secret"
)

// A holder is a struct that contains secrets, to test that encoders do not print them (threat
// T9).
type holder struct {
	Public  secret.String
	Pointer *secret.String
	private secret.String
}

// TestEncodersPrintNoSecret proves that templates, and encoders outside the standard library,
// do not print a secret. The tests of package secret cover the standard library (threat T9).
func TestEncodersPrintNoSecret(t *testing.T) {
	const marker = "correct-horse"
	s := secret.New(marker)
	h := holder{s, &s, s}
	for name, shape := range map[string]any{
		"value": s, "pointer": &s, "struct": h, "pointer to a struct": &h, "slice": []secret.String{s}, "array": [1]secret.String{s},
		"map value": map[string]secret.String{"k": s}, "map key": map[secret.String]string{s: "v"}, "interface": []any{s, h},
	} {
		var out bytes.Buffer
		if text, err := yaml.Marshal(shape); err == nil {
			out.Write(text)
		}
		_ = texttemplate.Must(texttemplate.New("").Parse(`{{.}} {{printf "%v %s %q %x" . . . .}}`)).Execute(&out, shape)
		_ = htmltemplate.Must(htmltemplate.New("").Parse(`<a href="{{.}}" onclick="f({{.}})">{{.}}</a><script>let x = {{.}}</script>`)).Execute(&out, shape)
		_ = gob.NewEncoder(&out).Encode(shape) // an error is permitted; the output must not contain the secret
		if found := occurs(out.String(), marker); found != "" {
			t.Errorf("%s: printed %s: %q", name, found, out.String())
		}
	}
}

// revealers lists every place in the code that reads the text of a secret, with its purpose. A
// new place must be added with a description of where the text goes (threat T9).
var revealers = map[string]string{
	"function/aliyun/assume.go":    "ExternalId goes to STS; and is looked for in messages, which are not kept if they have it",
	"function/aliyun/attempt.go":   "the key pair signs a request",
	"function/aliyun/invoke.go":    "the key pair signs a request",
	"function/amazon/amazon.go":    "the key pair signs a request",
	"function/aliyun/operation.go": "the key pair is looked for in messages, which are not kept if they have it",
	"function/aliyun/sessions.go":  "the external id goes into the hash that names a session",
	"function/audit/audit.go":      "the key seals a record",
	"function/metric/handler.go":   "the token is compared with that of a request",
	"function/notify/chat.go":      "the secret signs a message to a robot",
	"function/notify/mail.go":      "user and password sign in to the mail server, over TLS",
	"function/notify/notify.go":    "the address is where a message is sent",
	"function/notify/webhook.go":   "the secret signs a webhook",
	"function/smoke.go":            "the token goes to the portal that the command line names",
	"function/store/dialect.go":    "the address opens the database",
	"function/webhook/verify.go":   "the secret verifies a webhook",
	"function/app/wire.go":         "the key pair of an invocation is handed to the cloud's client",
	"web/auth/oidc.go":             "the client's secret goes to the identity provider",
	"web/auth/seal.go":             "the key seals a cookie",
}

func TestSecretsAreRevealedOnlyInListedPlaces(t *testing.T) {
	found := map[string]bool{}
	for _, path := range goFiles(t, "../../function", "../../web", "../../templates") {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Reveal" {
				found[strings.TrimPrefix(filepath.ToSlash(path), "../../")] = true
			}
			return true
		})
	}
	for path := range found {
		if revealers[path] == "" {
			t.Errorf("%s reveals a secret: say in the table where it goes", path)
		}
	}
	for path := range revealers {
		if !found[path] {
			t.Errorf("%s reveals nothing any more", path)
		}
	}
}

// goFiles returns the Go files below the folders, without test files.
func goFiles(t *testing.T, folders ...string) (paths []string) {
	t.Helper()
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				paths = append(paths, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

func TestSecretsLeaveTheEnvironment(t *testing.T) {
	var gone []string
	err := app.ForgetSecrets([]string{"HOOK_SECRET"}, func(name string) error {
		gone = append(gone, name)
		if name == "HOOK_SECRET" {
			return errors.New("cannot")
		}
		return nil
	})
	if err == nil || err.Error() != "cannot" {
		t.Errorf("error %v", err)
	}
	for _, name := range []string{"ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN", "DATABASE_URL", "AUDIT_KEY", "SESSION_KEYS", "OIDC_CLIENT_SECRET", "HOOK_SECRET"} {
		if !slices.Contains(gone, name) {
			t.Errorf("%s stays", name)
		}
	}
	// SecretVariables must contain every variable that the program reads into a secret.
	for _, name := range variablesRead(t, configFiles...) {
		if secret := strings.Contains(name, "SECRET") || strings.HasSuffix(name, "_KEY") || strings.HasSuffix(name, "_KEYS") || strings.HasSuffix(name, "TOKEN"); secret && !slices.Contains(app.SecretVariables, name) {
			t.Errorf("%s looks like a secret, and stays: see secretVariables", name)
		}
	}
}
