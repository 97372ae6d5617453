package e2e

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// waysOut lists each file that opens network connections, with the hosts to which it connects
// (threat T7: requests to foreign hosts).
var waysOut = map[string]string{
	"function/aliyun/transport.go": "the cloud: hosts of the table of regions",
	"function/health.go":           "the portal itself, on ADDR",
	"function/notify/client.go":    "receivers of notifications, whose addresses the environment holds",
	"function/notify/notify.go":    "nothing by itself: it has the client of the file before",
	"function/amazon/amazon.go":    "Lambda's API, with BATCH_FUNCTION on Lambda",
	"function/app/carrier.go":      "hands the client to function/amazon",
	"function/smoke.go":            "the portal that the command line names",
	"function/store/dialect.go":    "the database",
	"function/serve.go":            "nothing: it makes the runtime's own connections last",
	"web/auth/client.go":           "identity providers that the environment and the policy name",
}

// dials lists the functions that open connections or start programs, by package.
var dials = map[string][]string{
	"net":    {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialUnix", "Dialer", "LookupHost", "LookupIP", "Resolver"},
	"http":   {"Get", "Post", "PostForm", "Head", "Client", "DefaultClient", "Transport", "DefaultTransport"},
	"tls":    {"Dial", "DialWithDialer", "Dialer"},
	"sql":    {"Open", "OpenDB"},
	"stdlib": {"OpenDB"},
	"exec":   {"Command", "CommandContext"},
	"smtp":   {"SendMail", "Dial"},
}

func TestNetworkConnectionsAreListed(t *testing.T) {
	found := map[string]bool{}
	for _, path := range goFiles(t, "../../function", "../../web", "../../templates") {
		name := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		if strings.HasPrefix(name, "function/emulator/") || strings.HasPrefix(name, "function/cmd/") || strings.Contains(name, "test/") {
			continue // the deployed program does not contain this file
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			from, ok := s.X.(*ast.Ident)
			if ok && slices.Contains(dials[from.Name], s.Sel.Name) {
				found[name] = true
				if waysOut[name] == "" {
					t.Errorf("%s uses %s.%s: say in the table whom it reaches", name, from.Name, s.Sel.Name)
				}
			}
			return true
		})
	}
	for name := range waysOut {
		if !found[name] {
			t.Errorf("%s is no way out any more", name)
		}
	}
}
