package web_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// foreignValidators is the folder with the OpenAPI linters from npm and their settings.
const foreignValidators = "../.ci/openapi"

// validators holds the command line of each linter. Any output of a linter is a failure.
var validators = map[string][]string{
	"spectral": {"lint", "--ruleset", ".spectral.yaml", "--fail-severity", "hint"},
	"redocly":  {"lint", "--config", "redocly.yaml"},
}

// needValidators skips the test if Node.js or the linters are missing. With CI=true it fails the
// test instead.
func needValidators(t *testing.T) {
	t.Helper()
	without := ""
	if _, err := exec.LookPath("node"); err != nil {
		without = "there is no node: install Node.js 20 or newer"
	} else if _, err := os.Stat(filepath.Join(foreignValidators, "node_modules")); err != nil {
		without = "there are no validators: npm ci --prefix .ci/openapi"
	}
	switch {
	case without != "" && os.Getenv("CI") == "true":
		t.Fatal(without)
	case without != "":
		t.Skip("left out, validators of the OpenAPI document: " + without)
	}
}

// validate runs a linter on a document. The linter needs no network and sends no telemetry.
func validate(t *testing.T, name string, document []byte) (said string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := filepath.Abs(filepath.Join(foreignValidators, "node_modules", ".bin", name))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, append(validators[name], file)...)
	cmd.Dir = foreignValidators
	cmd.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true", "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestLintersAcceptTheDescription proves that two independent linters accept the served OpenAPI
// description and report mistakes in a broken copy.
func TestLintersAcceptTheDescription(t *testing.T) {
	needValidators(t)
	document := openAPI(t, newWorld(t))
	for name := range validators {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if said, err := validate(t, name, document); err != nil {
				t.Errorf("%v:\n%s", err, said)
			}
			for _, broken := range []struct{ part, put string }{
				{`"#/components/schemas/Problem"`, `"#/components/schemas/Problems"`},
				{`"required":true`, `"required":"yes"`},
				{`"in":"path"`, `"in":"paths"`},
			} {
				wrong := bytes.ReplaceAll(document, []byte(broken.part), []byte(broken.put))
				if bytes.Equal(wrong, document) {
					t.Fatalf("the description has no %s", broken.part)
				}
				if said, err := validate(t, name, wrong); err == nil {
					t.Errorf("with %s it has nothing to say:\n%s", broken.put, said)
				}
			}
		})
	}
}
