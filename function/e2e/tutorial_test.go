package e2e

import (
	"bufio"
	"bytes"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// startLocal builds the portal together with the emulator of the cloud, as "make run" does. It
// starts the program and returns its address.
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

// runBlocks runs the blocks of commands ("sh") of a document in one shell and returns their
// output. Before that it makes the given replacements in them. It leaves out blocks with a
// further word after "sh": those for the real cloud, and those that start the portal, because
// the test starts it.
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

// TestDocumentedRequestsMakeBackups proves that the curl commands of the documents make
// backups, if they are sent to a portal started as by "make run".
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

// TestFirstDeploymentTutorial proves that the commands of docs/tutorial/first-deployment.md
// build, check and run a portal with a policy of its own.
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
	// The commands write into the folder deployment and use fixed ports: the test gives them
	// others.
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

// TestLambdaGuideBuildsTheProgram proves that the commands of docs/how-to/lambda.md write a
// binary that AWS Lambda can run, and a policy that the program accepts.
func TestLambdaGuideBuildsTheProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: leaves out building the program")
	}
	t.Parallel()
	dir := t.TempDir()
	runBlocks(t, "docs/how-to/lambda.md", "../..", "mkdir -p lambda\n", "", "lambda/", dir+"/")
	for _, err := range checkBinary(filepath.Join(dir, "bootstrap")) {
		t.Error(err)
	}
	if out, code := runProgram(t, nil, "policy", "check", filepath.Join(dir, "policy.yaml")); code != 0 {
		t.Errorf("policy check: exit status %d, %s", code, out)
	}
}

// runPages are the documents whose blocks of commands a test of this package runs.
var runPages = []string{
	"README.md", "docs/api.md", "docs/events.md", "docs/how-to/lambda.md", serverGuide, "docs/tutorial/first-backup.md", "docs/tutorial/first-deployment.md",
}

// deployPages show commands of other tools that deploy the program. No test runs them.
var deployPages = []string{"docs/deploy-events.md"}

// TestEachBlockOfCommandsIsRun proves that runPages, whose blocks "sh" are run by tests, has each document with
// such a block. A block that cannot run in a test has a further word after "sh". Blocks that only show a command
// of the program are checked in package main.
func TestEachBlockOfCommandsIsRun(t *testing.T) {
	root := os.DirFS("../..")
	pages := []string{"README.md"}
	err := fs.WalkDir(root, "docs", func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".md") {
			pages = append(pages, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range pages {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			t.Fatal(err)
		}
		runs := slices.ContainsFunc(shellBlock.FindAllSubmatch(text, -1), func(block [][]byte) bool {
			return !bytes.HasPrefix(block[1], []byte("dist/main "))
		})
		if runs != slices.Contains(runPages, name) && !slices.Contains(deployPages, name) {
			t.Errorf("%s: has commands to run: %v, is in runPages: %v", name, runs, slices.Contains(runPages, name))
		}
	}
}
