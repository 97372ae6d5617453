package main

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"backupportal/function/store/postgrestest"
)

// runCommandLine runs the program with the environment variables env and the arguments args. It returns the output.
func runCommandLine(env map[string]string, args ...string) (string, error) {
	var out strings.Builder
	err := run(args, environment{getenv: func(name string) string { return env[name] }, in: strings.NewReader(""), out: &out})
	return out.String(), err
}

// TestDoctorNamesSchemaAndRights proves that the command doctor reports an empty database, and each missing privilege
// of the portal's database role, as the only failed finding.
func TestDoctorNamesSchemaAndRights(t *testing.T) {
	owner := postgrestest.Start(t).URL("postgres")
	examine := func(url string) (string, error) {
		return runCommandLine(map[string]string{"DATABASE_URL": url, "POLICY_FILE": "cmd/local/policy.yaml"}, "doctor", "-skip", "credentials,permissions")
	}
	if out, err := examine(owner); !errors.Is(err, errUnwell) || strings.Count(out, "FAILED") != 1 || !strings.Contains(out, "the schema is at version 0") ||
		!strings.Contains(out, "dist/main migrate") {
		t.Errorf("an empty database: %v\n%s", err, out)
	}
	if out, err := runCommandLine(map[string]string{"DATABASE_URL": owner}, "migrate"); err != nil {
		t.Fatalf("migrate: %v, %s", err, out)
	}
	manual, err := os.ReadFile("../docs/role.sql")
	if err != nil {
		t.Fatal(err)
	}
	grants := regexp.MustCompile(`(?m)^(?:CREATE ROLE|GRANT) .*?;`).FindAllString(string(manual), -1)
	role := strings.Replace(owner, "postgres@", "backup_portal@", 1)
	postgrestest.Exec(t, owner, grants...)
	if out, err := examine(role); err != nil {
		t.Errorf("with the documented rights: %v\n%s", err, out)
	}
	for _, right := range []string{"INSERT ON audit", "SELECT ON schema_version", "DELETE ON draft", "UPDATE (resource_name) ON submission"} {
		postgrestest.Exec(t, owner, "REVOKE "+right+" FROM backup_portal")
		if out, err := examine(role); !errors.Is(err, errUnwell) || strings.Count(out, "FAILED") != 1 || !strings.Contains(out, right) && right != "SELECT ON schema_version" {
			t.Errorf("without %s: %v\n%s", right, err, out)
		}
		postgrestest.Exec(t, owner, "GRANT "+right+" TO backup_portal")
	}
}

func TestDoctorReadsItsFlags(t *testing.T) {
	for _, args := range [][]string{{"-platform", "mars"}, {"-skip", "weather"}, {"now"}} {
		if out, err := runCommandLine(nil, append([]string{"doctor"}, args...)...); err == nil {
			t.Errorf("%v: accepted\n%s", args, out)
		} else if _, usage := errors.AsType[usageError](err); !usage {
			t.Errorf("%v: %v", args, err)
		}
	}
	env := map[string]string{"POLICY_FILE": "cmd/local/policy.yaml", "AWS_LAMBDA_RUNTIME_API": "x"}
	for platform, says := range map[string]string{"fc": "AUTH_MODE is not set", "lambda": "submissions would be lost with the instance", "server": "platform server"} {
		out, err := runCommandLine(env, "doctor", "-skip", "credentials,permissions,database", "-platform", platform)
		if !strings.Contains(out, says) || (err == nil) != (platform == "server") {
			t.Errorf("%s: %v\n%s", platform, err, out)
		}
	}
}
