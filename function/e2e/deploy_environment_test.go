package e2e

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var variablePattern = regexp.MustCompile(`^[A-Z][A-Z0-9_]{2,}$`)

// notDeployed lists the environment variables that the program reads but s.yaml does not set.
// Each value is the reason.
var notDeployed = map[string]string{
	"ADDR":              "of the plain server: on Function Compute the platform calls the program",
	"BATCH_FUNCTION":    "only with the second function of docs/s.batches.yaml: without it, the sweep carries on with batches",
	"MAX_REQUESTS":      "of a server: the built-in runtime sends one request at a time",
	"TRUSTED_PROXIES":   "of a server behind a proxy: Function Compute states the client's address itself",
	"POLICY_FILE":       "policy.yaml lies beside the binary",
	"CLOUD_ENDPOINT":    "for tests against the emulator",
	"CLOUD_CA_FILE":     "the roots in the program and the system's do",
	"SSL_CERT_FILE":     "as CLOUD_CA_FILE",
	"SSL_CERT_DIR":      "as CLOUD_CA_FILE",
	"METRICS_TOKEN":     "the built-in runtime serves no metrics",
	"OIDC_SCOPES":       "the default does for most providers",
	"OIDC_GROUPS_CLAIM": "the default does for most providers",
	"OIDC_NONCE":        "strict unless a provider cannot",
	"AUTH_JWT_HEADER":   jwtOnly,
	"AUTH_JWT_ISSUER":   jwtOnly,
	"AUTH_JWT_AUDIENCE": jwtOnly,
	"AUTH_JWT_JWKS_URL": jwtOnly,
	"AUTH_JWT_JWKS":     jwtOnly,
	"DEBUG":             "only refused, because of what the cloud's SDK does with it",
	"HTTP_PROXY":        "of a network that is left through a proxy: Function Compute needs none",
	"HTTPS_PROXY":       "as HTTP_PROXY",
	"NO_PROXY":          "as HTTP_PROXY",
}

const jwtOnly = "only with AUTH_MODE jwt: added beside that where a gateway signs people in"

// configFiles lists the files that read the environment.
var configFiles = []string{"../app/config.go", "../app/zone.go", "../app/proxy.go", "../app/signin.go"}

// platformPrefixes lists prefixes of variables that the platform itself sets.
var platformPrefixes = []string{"FC_", "AWS_", "ALIBABA_CLOUD_"}

// variablesRead returns the names of the environment variables that the given Go files mention.
func variablesRead(t *testing.T, paths ...string) []string {
	t.Helper()
	var names []string
	for _, path := range paths {
		names = append(names, variablesOf(t, path)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func variablesOf(t *testing.T, path string) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if name, err := strconv.Unquote(literal.Value); err == nil && variablePattern.MatchString(name) {
				names = append(names, name)
			}
		}
		return true
	})
	return names
}

// checkEnvironment compares the environment variables of a function in s.yaml with the limits
// of the platform and with the variables that the program reads. The schema already checks that
// values are text.
func checkEnvironment(where string, variables map[string]any, reads []string) []error {
	const limit = 4096 // total bytes of names and values
	var found complaints
	where += ".environmentVariables"
	size := 0
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		size += len(name) + len(fmt.Sprint(variables[name]))
		if strings.HasPrefix(name, "FC_") {
			found.add(where+"."+name, "names that begin with FC_ belong to the platform")
		}
		if !slices.Contains(reads, name) {
			found.add(where+"."+name, "the program does not read it; config.go reads %s", strings.Join(reads, ", "))
		}
	}
	if size > limit {
		found.add(where, "names and values are %d bytes, the platform takes %d", size, limit)
	}
	for _, name := range reads {
		platform := slices.ContainsFunc(platformPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		if _, set := variables[name]; !set && !platform && notDeployed[name] == "" {
			found.add(where, "the program reads %s: set it, or say in notDeployed why not", name)
		}
	}
	return found
}

// TestNotDeployedVariablesAreRead proves that the list of variables which s.yaml does not set
// (notDeployed) is up to date: the program still reads each of them.
func TestNotDeployedVariablesAreRead(t *testing.T) {
	reads := variablesRead(t, configFiles...)
	for name := range notDeployed {
		if !slices.Contains(reads, name) {
			t.Errorf("config.go does not read %s: take it out of notDeployed", name)
		}
	}
}
