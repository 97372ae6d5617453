package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" || r.Host != "backup.example.com" {
			w.WriteHeader(http.StatusMisdirectedRequest)
		}
	}))
	defer server.Close()
	address := server.Listener.Addr().String()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ addr, public, want string }{
		{address, "https://backup.example.com", ""},
		{"0.0.0.0:" + port, "https://backup.example.com", ""},
		{":" + port, "https://backup.example.com", ""},
		{address, "https://other.example.com", "the portal answers /healthz with 421"},
		{"127.0.0.1:1", "https://backup.example.com", "the portal does not answer on 127.0.0.1:1"},
		{address, "backup.example.com", "PUBLIC_URL must be an origin"},
	} {
		settings := map[string]string{"ADDR": c.addr, "PUBLIC_URL": c.public, "AUTH_MODE": "events"}
		err := health(t.Context(), func(name string) string { return settings[name] })
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %s: %v, want %q", c.addr, c.public, err, c.want)
		}
	}
}

// TestDockerfile proves that the image has only files that make dist writes, that the program does not run as
// root, and that the health check is a command of the program.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	instructions := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if name, rest, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(name, "#") {
			instructions[name] = append(instructions[name], rest)
		}
	}
	for name, want := range map[string][]string{
		"FROM": {"scratch"}, "COPY": {"dist/main dist/policy.yaml /"}, "ENTRYPOINT": {`["/main"]`},
	} {
		if got := instructions[name]; !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if user := instructions["USER"]; len(user) != 1 || !regexp.MustCompile(`\A[1-9]\d{3,}:[1-9]\d{3,}\z`).MatchString(user[0]) {
		t.Errorf("USER is %q, want numbers that are not root's", user)
	}
	check := strings.Join(instructions["HEALTHCHECK"], " ")
	command := regexp.MustCompile(`CMD \["/main", "([a-z]+)"\]`).FindStringSubmatch(check)
	if command == nil || unknownCommand(command[1], "") != "" {
		t.Errorf("HEALTHCHECK is %q, want a command of the program", check)
	}
	for _, setting := range instructions["ENV"] {
		name, _, _ := strings.Cut(setting, "=")
		if !strings.Contains(readDocument(t, os.DirFS(".."), "docs/environment.md"), "`"+name+"`") {
			t.Errorf("ENV sets %s, which is no variable of the program", name)
		}
	}
}
