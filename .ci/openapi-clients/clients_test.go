// Package clients tests that clients generated from the OpenAPI document work with the portal.
// Each client makes a backup, waits for it, cancels another one and lists both. The programs
// are in testdata; the generators are oapi-codegen, and openapi-typescript with the strict
// TypeScript compiler.
package clients

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// npmFolder has the npm packages of the TypeScript client.
const npmFolder = "../openapi"

// startPortal builds and starts function/cmd/local, the portal with the emulator. It returns the
// address of the portal.
func startPortal(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "local")
	run(t, "../..", "go", "build", "-o", binary, "./function/cmd/local")
	local := exec.Command(binary, "-addr", "127.0.0.1:0", "-emulator-addr", "127.0.0.1:0")
	var said bytes.Buffer
	local.Stderr = &said
	out, err := local.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := local.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = local.Process.Signal(os.Interrupt)
		if err := local.Wait(); err != nil {
			t.Errorf("function/cmd/local: %v\n%s", err, said.String())
		}
	})
	late := time.AfterFunc(time.Minute, func() { _ = local.Process.Kill() })
	defer late.Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if name, address, _ := strings.Cut(lines.Text(), " "); name == "portal" {
			go func() { _, _ = io.Copy(io.Discard, out) }() // the process must not block on its output
			return address
		}
	}
	t.Fatalf("function/cmd/local printed no address: %s", said.String())
	return ""
}

// run runs a program in a folder. The program must succeed.
func run(t *testing.T, folder, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}

// copyFile copies a file to a path in folder.
func copyFile(t *testing.T, from, folder, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, to), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// saveDocument stores the OpenAPI document that the portal serves as openapi.json in a folder.
func saveDocument(t *testing.T, portal, folder string) {
	t.Helper()
	res, err := http.Get(portal + "/api/v1/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", res.Status, err)
	}
	if err := os.WriteFile(filepath.Join(folder, "openapi.json"), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestGeneratedClients(t *testing.T) {
	portal := startPortal(t)
	t.Run("Go", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		saveDocument(t, portal, folder)
		for _, name := range []string{"go.mod", "go.sum"} {
			copyFile(t, name, folder, name)
		}
		if err := os.Mkdir(filepath.Join(folder, "portal"), 0o700); err != nil {
			t.Fatal(err)
		}
		copyFile(t, "testdata/journey.go", folder, "main.go")
		run(t, folder, "go", "tool", "oapi-codegen", "-generate", "types,client", "-package", "portal",
			"-o", "portal/portal.go", "openapi.json")
		run(t, folder, "go", "vet", ".")
		run(t, folder, "go", "run", ".", portal)
	})
	t.Run("TypeScript", func(t *testing.T) {
		if _, err := os.Stat(filepath.Join(npmFolder, "node_modules", "openapi-typescript")); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal("with CI=true nothing may be left out: npm ci --prefix .ci/openapi")
			}
			t.Skip("left out, the TypeScript client: npm ci --prefix .ci/openapi")
		}
		t.Parallel()
		folder := t.TempDir()
		saveDocument(t, portal, folder)
		copyFile(t, "testdata/journey.ts", folder, "journey.ts")
		modules, err := filepath.Abs(filepath.Join(npmFolder, "node_modules"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(modules, filepath.Join(folder, "node_modules")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "package.json"), []byte(`{"type":"module"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		tool := func(name string) string { return filepath.Join(modules, ".bin", name) }
		run(t, folder, tool("openapi-typescript"), "openapi.json", "-o", "portal.d.ts")
		run(t, folder, tool("tsc"), "--strict", "--noUncheckedIndexedAccess", "--module", "nodenext", "--target", "es2022",
			"--types", "node", "journey.ts")
		run(t, folder, "node", "journey.js", portal)
	})
}
