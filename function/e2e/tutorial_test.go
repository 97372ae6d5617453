package e2e

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// startLocal builds the portal with the emulator, as in `make run`, starts it, and returns its address.
func startLocal(t *testing.T) (address string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "local")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../cmd/local").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.Command(binary, "-addr", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the portal did not stop cleanly: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "portal http://")
	if !ok {
		t.Fatalf("the portal said %q (error %v)", line, err)
	}
	return address
}

// runBlocks runs the blocks of commands of a document in one shell, after the replacements, and returns the output. It
// leaves out blocks with a word after "sh": those of the cloud, and those that start the portal, which the test does.
func runBlocks(t *testing.T, document, dir string, replacements ...string) string {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	page, err := os.ReadFile("../../" + document)
	if err != nil {
		t.Fatal(err)
	}
	var script bytes.Buffer
	for _, block := range shellBlock.FindAllSubmatch(page, -1) {
		script.Write(block[1])
	}
	if script.Len() == 0 {
		t.Fatalf("%s has no commands", document)
	}
	shell := exec.CommandContext(t.Context(), "sh", "-eu")
	shell.Dir = dir
	shell.Stdin = strings.NewReader(strings.NewReplacer(replacements...).Replace(script.String()))
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", document, err, out)
	}
	return string(out)
}

// The commands with curl in the documents make backups at the portal of `make run`.
func TestDocumentedRequestsMakeBackups(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: leaves out building a second program")
	}
	t.Parallel()
	address := startLocal(t)
	accepted := regexp.MustCompile(`"SubmissionId":"\w+"`)
	for document, want := range map[string]int{"README.md": 2, "docs/tutorial/first-backup.md": 2, "docs/api.md": 1, "docs/events.md": 1} {
		out := runBlocks(t, document, "../..", "http://localhost:9000", "http://"+address)
		ids := map[string]bool{}
		for _, id := range accepted.FindAllString(out, -1) {
			ids[id] = true
		}
		if len(ids) < want || strings.Contains(out, `"type":"`) {
			t.Errorf("%s: %d submissions, want at least %d, and no problem:\n%s", document, len(ids), want, out)
		}
	}
}

// The commands of the second tutorial build, check and run a portal with a policy of its own.
func TestFirstDeploymentTutorial(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: leaves out building the programs")
	}
	t.Parallel()
	portal, cloud := freeAddress(t), freeAddress(t)
	_, port, _ := net.SplitHostPort(cloud)
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	// The commands write into the folder deployment and use fixed ports: the test gives them others.
	out := runBlocks(t, "docs/tutorial/first-deployment.md", root,
		"deployment/emulator &", filepath.Join(dir, "emulator")+" -addr "+cloud+" &", "deployment/main &", "ADDR="+portal+" "+filepath.Join(dir, "main")+" &",
		"http://127.0.0.1:9100", "http://127.0.0.1:"+port, "http://localhost:9000", "http://"+portal,
		"deployment/", dir+"/", "mkdir -p deployment\n", "")
	for _, want := range []string{"refused", `"SubmissionId":"`, "is a policy, sha256"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %s:\n%s", want, out)
		}
	}
}
