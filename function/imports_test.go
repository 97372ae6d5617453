package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "backupportal/"

// allowed are the packages of ours that each package may import. Tests may
// import more: they put pieces together. docs/design.md draws it.
var allowed = map[string][]string{
	"function":                    {"function/aliyun", "function/audit", "function/backup", "function/event", "function/identity", "function/logging", "function/notify", "function/param", "function/policy", "function/secret", "function/store", "web", "web/auth"},
	"function/aliyun":             {"function/backup", "function/identity", "function/jsontext", "function/param", "function/secret"},
	"function/audit":              {"function/backup", "function/identity", "function/jsontext", "function/param", "function/secret"},
	"function/backup":             {"function/identity", "function/jsontext", "function/logging", "function/param", "function/secret"},
	"function/cmd/emulator":       {"function/emulator", "function/emulator/world"},
	"function/cmd/local":          {"function/aliyun", "function/backup", "function/emulator", "function/event", "function/policy", "function/secret", "function/store", "web", "web/auth"},
	"function/emulator":           {"function/emulator/api", "function/emulator/ecs", "function/emulator/fault", "function/emulator/hbr", "function/emulator/plainjson", "function/emulator/rpc", "function/emulator/sign", "function/emulator/sts", "function/emulator/world"},
	"function/emulator/api":       {},
	"function/emulator/ecs":       {"function/emulator/plainjson", "function/emulator/ram", "function/emulator/rpc", "function/emulator/world"},
	"function/emulator/fault":     {"function/emulator/api", "function/emulator/plainjson"},
	"function/emulator/hbr":       {"function/emulator/lifecycle", "function/emulator/plainjson", "function/emulator/ram", "function/emulator/rpc", "function/emulator/world"},
	"function/emulator/lifecycle": {},
	"function/emulator/plainjson": {},
	"function/emulator/ram":       {"function/emulator/plainjson"},
	"function/emulator/rpc":       {"function/emulator/api", "function/emulator/fault", "function/emulator/plainjson", "function/emulator/ram", "function/emulator/sign", "function/emulator/world"},
	"function/emulator/sign":      {},
	"function/emulator/sts":       {"function/emulator/ram", "function/emulator/rpc", "function/emulator/world"},
	"function/emulator/world":     {"function/emulator/api", "function/emulator/lifecycle", "function/emulator/ram"},
	"function/event":              {"function/jsontext", "function/logging", "function/secret"},
	"function/event/runtimetest":  {},
	"function/identity":           {},
	"function/jsontext":           {},
	"function/logging":            {},
	"function/notify":             {"function/backup", "function/param"},
	"function/param":              {"function/jsontext"},
	"function/policy":             {"function/backup", "function/identity", "function/param", "function/secret", "function/webhook"},
	"function/secret":             {},
	"function/store":              {"function/backup", "function/secret"},
	"function/store/memory":       {"function/backup", "function/identity", "function/param"},
	"function/store/postgrestest": {},
	"function/store/storetest":    {"function/backup", "function/identity", "function/param"},
	"function/webhook":            {"function/identity", "function/param", "function/secret"},
	"templates":                   {"function/backup", "function/param"},
	"web":                         {"function/backup", "function/identity", "function/jsontext", "function/logging", "function/param", "function/policy", "function/webhook", "templates", "web/auth"},
	"web/auth":                    {"function/identity", "function/param", "function/secret"},
}

// owners are the packages that alone may import a vendor's, tests included
// where they play the vendor's client.
var owners = map[string][]string{
	"github.com/aliyun/alibaba-cloud-sdk-go":        {"function/aliyun"},
	"github.com/aliyun/fc-runtime-go-sdk/events":    {"function/event"},
	"github.com/aliyun/fc-runtime-go-sdk/fccontext": {"function/event"},
	"github.com/aliyun/fc-runtime-go-sdk/fc":        {"function"},
	"github.com/aws/aws-lambda-go/events":           {"function/event"},
	"github.com/aws/aws-lambda-go/lambdacontext":    {"function/event"},
	"github.com/aws/aws-lambda-go/lambda":           {"function"},
	"go.yaml.in/yaml/v3":                            {"function/policy", "function/emulator/ram", "function/emulator/world"},
	"github.com/a-h/templ":                          {"templates", "web"},
	"github.com/coreos/go-oidc":                     {"web/auth"},
	"github.com/go-jose/go-jose":                    {"web/auth"},
	"golang.org/x/oauth2":                           {"web/auth"},
	"database/sql":                                  {"function/store", "function/store/postgrestest", "function/store/storetest"},
	"github.com/jackc/pgx/v5":                       {"function/store", "function/store/postgrestest"},
	"modernc.org/sqlite":                            {"function/store"},
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// packages asks the go command for the packages of the module.
func packages(t *testing.T) map[string]listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string]listed{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

func TestImportsGoOneWay(t *testing.T) {
	for name, p := range packages(t) {
		may, known := allowed[name]
		if !known {
			t.Errorf("%s is not in the table: draw it in docs/design.md first, then add it here", name)
		}
		for _, path := range p.Imports {
			if inside, ours := strings.CutPrefix(path, module); ours && !slices.Contains(may, inside) {
				t.Errorf("%s imports %s", name, inside)
			}
		}
	}
}

func TestImportsOfVendorsStayInOnePlace(t *testing.T) {
	for name, p := range packages(t) {
		for _, path := range p.Imports {
			for vendor, may := range owners {
				if (path == vendor || strings.HasPrefix(path, vendor+"/")) && !slices.Contains(may, name) {
					t.Errorf("%s imports %s, which is for %s alone", name, path, strings.Join(may, " and "))
				}
			}
		}
	}
}

func TestImportsOfTheProgramLeaveOutTheEmulator(t *testing.T) {
	for _, path := range packages(t)["function"].Deps {
		if strings.HasPrefix(path, module+"function/emulator") || strings.HasPrefix(path, module+"function/cmd") || path == "testing" {
			t.Errorf("the program links %s", path)
		}
	}
}
