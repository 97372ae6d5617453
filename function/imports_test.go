package main

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "backupportal/"

// allowed lists the packages of this module that each package may import. Tests may import more,
// because they connect packages. docs/design.md has a diagram of this table.
var allowed = map[string][]string{
	"function":                    {"function/aliyun", "function/app", "function/audit", "function/backup", "function/identity", "function/param", "function/pattern", "function/policy", "function/secret", "function/webhook"},
	"function/admission":          {},
	"function/aliyun":             {"function/backup", "function/cache", "function/identity", "function/jsontext", "function/lenhash", "function/param", "function/pattern", "function/secret", "function/set"},
	"function/amazon":             {"function/secret"},
	"function/app":                {"function/admission", "function/aliyun", "function/amazon", "function/audit", "function/backup", "function/batch", "function/cache", "function/draft", "function/event", "function/event/envelope", "function/identity", "function/inventory", "function/lenhash", "function/logging", "function/metric", "function/notify", "function/param", "function/pattern", "function/policy", "function/secret", "function/set", "function/store", "function/trace", "web", "web/auth"},
	"function/audit":              {"function/backup", "function/identity", "function/jsontext", "function/lenhash", "function/param", "function/secret"},
	"function/backup":             {"function/cache", "function/identity", "function/jsontext", "function/lenhash", "function/logging", "function/param", "function/secret", "function/trace"},
	"function/batch":              {"function/backup", "function/identity", "function/jsontext", "function/lenhash", "function/logging", "function/param", "function/pattern"},
	"function/cache":              {},
	"function/chaos":              {},
	"function/cost":               {"function/param"},
	"function/cmd/emulator":       {"function/emulator", "function/emulator/world"},
	"function/cmd/invoke":         {"function/emulator", "function/emulator/world", "function/event/runtimetest"},
	"function/cmd/local":          {"function/app", "function/emulator"},
	"function/e2e":                {},
	"function/draft":              {},
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
	"function/event":              {"function/event/envelope", "function/jsontext", "function/lenhash", "function/logging", "function/secret", "function/trace"},
	"function/event/envelope":     {},
	"function/event/runtimetest":  {},
	"function/identity":           {"function/pattern"},
	"function/inventory":          {"function/backup", "function/batch", "function/cache", "function/identity", "function/lenhash", "function/param"},
	"function/jsontext":           {},
	"function/lenhash":            {},
	"function/kubectl":            {},
	"function/logging":            {"function/trace"},
	"function/metric":             {"function/backup", "function/secret"},
	"function/notify":             {"function/backup", "function/param", "function/trace"},
	"function/notify/smtptest":    {},
	"function/otlp":               {},
	"function/param":              {"function/jsontext", "function/pattern"},
	"function/param/wordstest":    {},
	"function/pattern":            {},
	"function/policy":             {"function/backup", "function/cache", "function/cost", "function/event/envelope", "function/identity", "function/lenhash", "function/param", "function/pattern", "function/secret", "function/set", "function/webhook"},
	"function/precheck":           {"function/backup", "function/cache", "function/lenhash", "function/param"},
	"function/secret":             {},
	"function/set":                {},
	"function/store":              {"function/backup", "function/batch", "function/draft", "function/identity", "function/secret"},
	"function/store/memory":       {"function/backup", "function/identity", "function/param"},
	"function/store/postgrestest": {},
	"function/store/storetest":    {"function/backup", "function/batch", "function/draft", "function/identity", "function/param"},
	"function/targetlist":         {"function/jsontext", "function/param"},
	"function/terraform":          {"function/jsontext", "function/param"},
	"function/trace":              {},
	"function/webhook":            {"function/identity", "function/jsontext", "function/param", "function/pattern", "function/secret"},
	"templates":                   {"function/backup", "function/batch", "function/cost", "function/inventory", "function/jsontext", "function/kubectl", "function/param", "function/policy", "function/precheck", "function/secret", "function/terraform"},
	"web":                         {"function/admission", "function/backup", "function/batch", "function/cost", "function/draft", "function/identity", "function/inventory", "function/jsontext", "function/kubectl", "function/logging", "function/param", "function/pattern", "function/policy", "function/precheck", "function/secret", "function/targetlist", "function/terraform", "function/trace", "function/webhook", "templates", "web/auth"},
	"web/auth":                    {"function/cache", "function/identity", "function/jsontext", "function/param", "function/secret"},
}

// owners lists, for each vendor package, the packages that may import it. The rule holds for tests
// too, except tests that act as the vendor's client.
var owners = map[string][]string{
	"github.com/aliyun/alibaba-cloud-sdk-go":        {"function/aliyun"},
	"github.com/aliyun/fc-runtime-go-sdk/events":    {"function/event"},
	"github.com/aliyun/fc-runtime-go-sdk/fccontext": {"function/event"},
	"github.com/aliyun/fc-runtime-go-sdk/fc":        {"function"},
	"github.com/aws/aws-lambda-go/events":           {"function/event"},
	"github.com/aws/aws-lambda-go/lambdacontext":    {"function/event"},
	"github.com/aws/aws-lambda-go/lambda":           {"function"},
	"github.com/aws/aws-sdk-go-v2":                  {"function/amazon"},
	"go.yaml.in/yaml/v3":                            {"function/policy", "function/kubectl", "function/emulator/ram", "function/emulator/world"},
	"github.com/VictoriaMetrics/metrics":            {"function/metric"},
	"github.com/a-h/templ":                          {"templates", "web"},
	"github.com/coreos/go-oidc":                     {"web/auth"},
	"github.com/go-jose/go-jose":                    {"web/auth"},
	"github.com/hashicorp/golang-lru/v2":            {"function/cache"},
	"golang.org/x/sync/singleflight":                {"function/cache"},
	"golang.org/x/net/http/httpproxy":               {"function/app"},
	"golang.org/x/oauth2":                           {"web/auth"},
	"database/sql":                                  {"function/store", "function/store/postgrestest", "function/store/storetest"},
	"github.com/jackc/pgx/v5":                       {"function/store", "function/store/postgrestest"},
	"modernc.org/sqlite":                            {"function/store"},
	"filippo.io/edwards25519":                       {"function/webhook"},
	"github.com/wneessen/go-mail":                   {"function/notify"},
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// packages returns the packages of the module, as the go command lists them.
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
		if strings.HasPrefix(path, module+"function/emulator") || strings.HasPrefix(path, module+"function/cmd") || strings.HasPrefix(path, module+"function/chaos") || path == "testing" {
			t.Errorf("the program links %s", path)
		}
	}
}

// TestImportsOfTheProgramLeaveOutOpenTelemetry proves that only a program that is built with the tag otel links the modules
// for the export of traces.
func TestImportsOfTheProgramLeaveOutOpenTelemetry(t *testing.T) {
	for _, path := range packages(t)["function"].Deps {
		if strings.HasPrefix(path, "go.opentelemetry.io/") || strings.HasPrefix(path, "google.golang.org/") {
			t.Errorf("the program links %s", path)
		}
	}
}

// TestImportsPackageCommentsAreOneSentence proves that a package comment begins with one
// sentence that says what the package is for, without "and". Its model follows in further
// paragraphs.
func TestImportsPackageCommentsAreOneSentence(t *testing.T) {
	for _, folder := range packageFolders(t) {
		comment := packageComment(t, folder)
		first, _, _ := strings.Cut(comment, "\n\n")
		first = strings.Join(strings.Fields(first), " ")
		switch {
		case first == "":
			t.Errorf("%s has no package comment", folder)
		case !strings.HasPrefix(first, "Package ") && !strings.HasPrefix(first, "Command "):
			t.Errorf("%s: the package comment does not begin with Package or Command: %s", folder, first)
		case strings.Count(first+" ", ". ") != 1 || !strings.HasSuffix(first, "."):
			t.Errorf("%s: the first paragraph of the package comment is not one sentence: %s", folder, first)
		case strings.Contains(first, " and "):
			t.Errorf("%s: the package comment needs an \"and\": %s", folder, first)
		}
	}
}

// TestPackagesWithoutRaceDetectorStartNoGoroutines proves that the packages that "make test" runs without
// the race detector (SEQUENTIAL in the Makefile) and their tests have no go statement, no call of
// sync.WaitGroup.Go, and no parallel tests.
func TestPackagesWithoutRaceDetectorStartNoGoroutines(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for line := range strings.Lines(string(makefile)) {
		if list, ok := strings.CutPrefix(line, "SEQUENTIAL = "); ok {
			folders = strings.Fields(list)
		}
	}
	if len(folders) == 0 {
		t.Fatal("the Makefile has no SEQUENTIAL")
	}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, name := range files {
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				_, starts := n.(*ast.GoStmt)
				if call, ok := n.(*ast.CallExpr); ok {
					method, ok := call.Fun.(*ast.SelectorExpr)
					starts = ok && (method.Sel.Name == "Go" || method.Sel.Name == "Parallel")
				}
				if starts {
					t.Errorf("%s starts a goroutine: remove %s from SEQUENTIAL in the Makefile", fset.Position(n.Pos()), folder)
				}
				return true
			})
		}
	}
}

// packageFolders lists the folders with Go files of this module, without nested modules.
func packageFolders(t *testing.T) (folders []string) {
	t.Helper()
	for _, top := range []string{"../function", "../web", "../templates"} {
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			files, err := filepath.Glob(filepath.Join(path, "*.go"))
			if len(files) > 0 {
				folders = append(folders, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return folders
}

// packageComment returns the comments directly above the package clauses in a folder.
func packageComment(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var comments []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if file.Doc != nil && !ast.IsGenerated(file) {
			comments = append(comments, file.Doc.Text())
		}
	}
	return strings.Join(comments, "\n")
}
