package e2e

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"backupportal/function/event/runtimetest"
)

// checkDist checks the folder that is deployed. It must contain only the policy and a program
// that the platform can run, because the platform gets every file in it.
func checkDist(dir, handler string) []error {
	var found complaints
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []error{err}
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	for _, name := range []string{handler, "policy.yaml"} {
		if !slices.Contains(names, name) {
			found.add(dir, "%s is missing: run make dist", name)
		}
	}
	for _, name := range names {
		if name != handler && name != "policy.yaml" {
			found.add(dir, "%s would be deployed too: remove it", name)
		}
	}
	if slices.Contains(names, handler) {
		found = append(found, checkBinary(filepath.Join(dir, handler))...)
	}
	return found
}

// checkBinary checks that a file is a static executable for Linux on x86-64.
func checkBinary(path string) []error {
	var found complaints
	info, err := os.Stat(path)
	if err != nil {
		return []error{err}
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		found.add(path, "must be an executable file, is %v", info.Mode())
	}
	file, err := elf.Open(path)
	if err != nil {
		found.add(path, "must be an ELF file: %w", err)
		return found
	}
	defer file.Close()
	if file.Class != elf.ELFCLASS64 || file.Machine != elf.EM_X86_64 {
		found.add(path, "must be for x86-64, is %v %v", file.Class, file.Machine)
	}
	if slices.ContainsFunc(file.Progs, func(part *elf.Prog) bool { return part.Type == elf.PT_INTERP }) {
		found.add(path, "must be linked statically: build with CGO_ENABLED=0")
	}
	return found
}

// makeDist runs make dist into a temporary folder and returns the folder and the output.
func makeDist(t *testing.T, args ...string) (dir, output string, err error) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: leaves out building what is deployed")
	}
	if _, err := exec.LookPath("make"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("make is missing")
		}
		t.Skip("make is missing: leaves out building what is deployed")
	}
	dir = t.TempDir()
	command := exec.CommandContext(t.Context(), "make", append([]string{"dist", "DIST=" + dir}, args...)...)
	command.Dir = "../.."
	for _, variable := range os.Environ() { // the settings of an outer make must not affect this make
		if name, _, _ := strings.Cut(variable, "="); !slices.Contains([]string{"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "POLICY"}, name) {
			command.Env = append(command.Env, variable)
		}
	}
	text, err := command.CombinedOutput()
	return dir, string(text), err
}

func TestMakeDistWritesWhatThePlatformRuns(t *testing.T) {
	dir, output, err := makeDist(t)
	if err != nil {
		t.Fatalf("make dist: %v\n%s", err, output)
	}
	handler, _ := yamlObject(yamlObject(yamlObject(mustReadDeployFile(t, deployPath).doc, "resources"), "portal"), "props")["handler"].(string)
	for _, err := range checkDist(dir, handler) {
		t.Error(err)
	}
	// `s deploy` deploys the folder dist of the checkout, which exists only after a build.
	if _, err := os.Stat("../../dist"); !errors.Is(err, os.ErrNotExist) {
		for _, err := range checkDist("../../dist", handler) {
			t.Error(err)
		}
	}
}

func TestMakeDistTakesAPolicy(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(policy, []byte("# mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, output, err := makeDist(t, "POLICY="+policy)
	if err != nil {
		t.Fatalf("make dist POLICY=…: %v\n%s", err, output)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "policy.yaml")); err != nil || string(text) != "# mine\n" {
		t.Errorf("policy.yaml = %q, %v; want the policy that was given", text, err)
	}
}

func TestUnusableBinariesAreReported(t *testing.T) {
	good := elfFile(t, elf.EM_X86_64, elf.PT_LOAD)
	for _, test := range []struct {
		name  string
		files map[string][]byte
		mode  os.FileMode
		want  string
	}{
		{"another name than the handler's", map[string][]byte{"bootstrap": good, "policy.yaml": nil}, 0o755, "main is missing"},
		{"no policy", map[string][]byte{"main": good}, 0o755, "policy.yaml is missing"},
		{"a stray file", map[string][]byte{"main": good, "policy.yaml": nil, "backup-portal.db": nil}, 0o755, "backup-portal.db would be deployed too"},
		{"a script", map[string][]byte{"main": []byte("#!/bin/sh\n"), "policy.yaml": nil}, 0o755, "must be an ELF file"},
		{"a file that may not run", map[string][]byte{"main": good, "policy.yaml": nil}, 0o644, "must be an executable file"},
		{"another processor", map[string][]byte{"main": elfFile(t, elf.EM_AARCH64, elf.PT_LOAD), "policy.yaml": nil}, 0o755, "must be for x86-64"},
		{"a dynamic program", map[string][]byte{"main": elfFile(t, elf.EM_X86_64, elf.PT_INTERP), "policy.yaml": nil}, 0o755, "must be linked statically"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range test.files {
				if err := os.WriteFile(filepath.Join(dir, name), content, test.mode); err != nil {
					t.Fatal(err)
				}
			}
			wantComplaint(t, checkDist(dir, "main"), test.want)
		})
	}
}

// elfFile writes the smallest ELF file that can be parsed: a header and one part of the given type.
func elfFile(t *testing.T, machine elf.Machine, part elf.ProgType) []byte {
	t.Helper()
	header := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS], header.Ident[elf.EI_DATA], header.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	var file bytes.Buffer
	for _, each := range []any{header, elf.Prog64{Type: uint32(part)}} {
		if err := binary.Write(&file, binary.LittleEndian, each); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

// TestDeployedProgramAcceptsTheExampleEvent proves that the deployed program starts with only
// the example policy and the variables of s.yaml, and accepts the example event.
func TestDeployedProgramAcceptsTheExampleEvent(t *testing.T) {
	dir, output, err := makeDist(t)
	if err != nil {
		t.Fatalf("make dist: %v\n%s", err, output)
	}
	file := mustReadDeployFile(t, "../../s.yaml")
	doc, errs := resolveReferences(file.doc, variables("ALLOW_EPHEMERAL_STORE", "1"))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	props := yamlObject(yamlObject(yamlObject(doc, "resources"), "portal"), "props")
	vars := []string{"TMPDIR=" + t.TempDir()}
	for name, value := range yamlObject(props, "environmentVariables") {
		vars = append(vars, name+"="+value.(string))
	}
	manual, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	event := regexp.MustCompile(`s local invoke -e '(.*)'`).FindSubmatch(manual)
	if event == nil {
		t.Fatal("docs/events.md has no event")
	}
	fc := &runtimetest.FC{}
	fc.Start(t, filepath.Join(dir, "main"), vars...)
	if res := fc.Invoke(t.Context(), event[1]); res.Failed() || !strings.Contains(string(res.Body), `"Parameters"`) {
		t.Errorf("%s %s", res.Body, res.ErrorMessage)
	}
}
