package main

import (
	"bufio"
	"debug/elf"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// An image is what docs/Dockerfile makes.
type image struct {
	from   []string
	copies map[string]string // source to destination
	user   string
	env    []string
	health []string
	entry  []string
}

// readImage reads docs/Dockerfile. An instruction that it does not know fails the test.
func readImage(t *testing.T) image {
	t.Helper()
	text, err := os.ReadFile("../docs/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	list := func(text string) (all []string) {
		if err := json.Unmarshal([]byte(text[strings.Index(text, "["):]), &all); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return all
	}
	i := image{copies: map[string]string{}}
	for line := range strings.Lines(string(text)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "", "#", "EXPOSE":
		case "FROM":
			i.from = append(i.from, rest)
		case "COPY":
			parts := strings.Fields(rest)
			to := parts[len(parts)-1]
			for _, source := range parts[:len(parts)-1] {
				if i.copies[source] = to; strings.HasSuffix(to, "/") {
					i.copies[source] = path.Join(to, source)
				}
			}
		case "USER":
			i.user = rest
		case "ENV":
			i.env = append(i.env, rest)
		case "HEALTHCHECK":
			i.health = list(rest)
		case "ENTRYPOINT":
			i.entry = list(rest)
		default:
			t.Errorf("docs/Dockerfile: unknown instruction %q", line)
		}
	}
	return i
}

// The image has only what the documented commands put into the folder, runs no command of another image, and is not
// root.
func TestImageCopiesWhatIsBuilt(t *testing.T) {
	i := readImage(t)
	if !slices.Equal(i.from, []string{"scratch"}) {
		t.Errorf("FROM %v", i.from)
	}
	manual, err := os.ReadFile("../docs/how-to/container.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"make dist DIST=image", "cp /etc/ssl/certs/ca-certificates.crt image/", "docker build -t backup-portal -f docs/Dockerfile image"} {
		if !strings.Contains(string(manual), part) {
			t.Errorf("docs/how-to/container.md does not say %q", part)
		}
	}
	want := map[string]string{"main": "/main", "policy.yaml": "/policy.yaml", "ca-certificates.crt": "/etc/ssl/certs/ca-certificates.crt"}
	if len(i.copies) != len(want) {
		t.Errorf("copies %v", i.copies)
	}
	for source, to := range want {
		if i.copies[source] != to {
			t.Errorf("%s is copied to %q, want %s", source, i.copies[source], to)
		}
	}
	if !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(i.user) {
		t.Errorf("USER %s: scratch has no names of users, and root is not wanted", i.user)
	}
	if !slices.Equal(i.entry, []string{"/main"}) || !slices.Equal(i.health, []string{"/main", "healthcheck"}) {
		t.Errorf("ENTRYPOINT %v, HEALTHCHECK %v", i.entry, i.health)
	}
}

// The files of the image are enough: in a folder that has nothing else, as the user of the image, the program starts,
// and its health check sees that it runs and that it does not.
func TestImageRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	if os.Getuid() != 0 {
		t.Skip("only root may change the root folder")
	}
	i := readImage(t)
	root := t.TempDir()
	built := filepath.Join(t.TempDir(), "image")
	dist := exec.Command("make", "--no-print-directory", "dist", "DIST="+built, "POLICY=function/cmd/local/policy.yaml")
	dist.Dir = ".."
	if out, err := dist.CombinedOutput(); err != nil {
		t.Fatalf("make dist: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(built, "ca-certificates.crt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for source, to := range i.copies {
		content, err := os.ReadFile(filepath.Join(built, source))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(to)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, to), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program, err := elf.Open(filepath.Join(root, i.entry[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program is not static")
		}
	}
	data := filepath.Join(root, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(data, 65532, 65532); err != nil {
		t.Fatal(err)
	}
	for folder := root; folder != "/"; folder = filepath.Dir(folder) { // folders of tests are closed to others
		if info, err := os.Stat(folder); err == nil && info.Mode().Perm()&0o005 != 0o005 && strings.Contains(folder, "TestImageRuns") {
			if err := os.Chmod(folder, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	start := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		cmd.Env = append(slices.Clone(i.env), "AUTH_MODE=events", "DATABASE_URL=sqlite:/data/portal.db", "PUBLIC_URL=https://backup.example.com")
		return cmd
	}
	free, err := net.Listen("tcp", "127.0.0.1:0") // the port of the image may be in use
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	i.env = append(i.env, "ADDR=0.0.0.0:"+port)

	if out, err := start(i.health...).CombinedOutput(); err == nil {
		t.Errorf("healthy before the start: %s", out)
	}
	portal := start(i.entry...)
	out, err := portal.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := portal.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "portal http://") {
		t.Fatalf("%q, %v", line, err)
	}
	if out, err := start(i.health...).CombinedOutput(); err != nil {
		t.Errorf("not healthy: %v %s", err, out)
	}
	if err := portal.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := portal.Wait(); err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestHealthcheckAsksThePortal(t *testing.T) {
	status := map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusServiceUnavailable}
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "backup.example.com" {
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		w.WriteHeader(status[r.URL.Path])
		io.WriteString(w, "{}")
	}))
	t.Cleanup(portal.Close)
	_, port, _ := net.SplitHostPort(portal.Listener.Addr().String())
	env := map[string]string{"ADDR": "0.0.0.0:" + port, "AUTH_MODE": "events", "PUBLIC_URL": "https://backup.example.com"}
	if out, err := runCommandLine(env, "healthcheck"); err != nil || out != "ok\n" {
		t.Errorf("%v %s", err, out)
	}
	if _, err := runCommandLine(env, "healthcheck", "-ready"); err == nil || !strings.Contains(err.Error(), "/readyz answered with status 503") {
		t.Errorf("not ready: %v", err)
	}
	env["PUBLIC_URL"] = "https://other.example.com"
	if _, err := runCommandLine(env, "healthcheck"); err == nil || !strings.Contains(err.Error(), "status 421") {
		t.Errorf("another name: %v", err)
	}
	portal.Close()
	if _, err := runCommandLine(env, "healthcheck"); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("no portal: %v", err)
	}
}
