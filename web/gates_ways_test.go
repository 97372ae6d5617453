package web_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"backupportal/web"
)

// gateCode returns the text of the gate file with this name, from [web.Gates]. It ends the test if
// the file does not exist.
func gateCode(t testing.TB, file string) string {
	t.Helper()
	for _, g := range web.Gates() {
		if g.File == file {
			return g.Code
		}
	}
	t.Fatalf("there is no gate for a file %s", file)
	return ""
}

// A way describes how a CI service runs the script: where it is in the service's file, with
// which variables, and in which shell.
type way struct {
	name   string
	script string
	env    map[string]string // variables that the file and the CI service set
	shell  []string          // command line; the path of the script is appended
}

// demoGate holds the variables of a gate that backs up an instance of the demo world.
var demoGate = map[string]string{
	"Account": "demo", "Region": "cn-hangzhou", "InstanceId": "i-bp1demoweb01", "Retention": "15",
	"GATE_RUN": "https://ci.example.com/runs/7",
}

// plainWays returns ways that run the original script in each shell.
func plainWays(t testing.TB) []way {
	script := gateCode(t, "backup-gate.sh")
	return []way{
		{"dash", script, demoGate, []string{"dash"}},
		{"bash", script, demoGate, []string{"bash"}},
		{"bash as sh", script, demoGate, []string{"bash", "--posix"}},
		{"busybox", script, demoGate, []string{"busybox", "ash"}},
	}
}

// allWays returns every way in which the four CI services run the script.
func allWays(t testing.TB) []way {
	return slices.Concat(plainWays(t), []way{githubWay(t)}, gitlabWays(t), []way{jenkinsWay(t)})
}

// githubWay returns a way that runs the script as a GitHub runner runs a step with shell: bash.
func githubWay(t testing.TB) way {
	t.Helper()
	var file struct {
		Jobs map[string]struct {
			Steps []struct {
				Env        map[string]string
				Shell, Run string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(gateCode(t, ".github/workflows/deploy.yml")), &file); err != nil {
		t.Fatal(err)
	}
	step := file.Jobs["backup"].Steps[0]
	if step.Shell != "bash" {
		t.Fatalf("the shell of the step is %q", step.Shell)
	}
	known := map[string]string{
		"github.server_url": "https://github.example.com", "github.repository": "shop/web", "github.run_id": "4711", "vars.PORTAL_URL": "", "secrets.PORTAL_TOKEN": "",
	}
	expression := regexp.MustCompile(`\$\{\{ (\S+) \}\}`)
	fill := func(text string) string {
		return expression.ReplaceAllStringFunc(text, func(found string) string {
			value, ok := known[expression.FindStringSubmatch(found)[1]]
			if !ok {
				t.Fatalf("nothing is known of %s", found)
			}
			return value
		})
	}
	for name, value := range step.Env {
		step.Env[name] = fill(value)
	}
	return way{"GitHub Actions", fill(step.Run), step.Env, []string{"bash", "--noprofile", "--norc", "-eo", "pipefail"}}
}

// gitlabWays returns ways that run the script as a GitLab runner does, in two shells. The runner
// joins the lines, quotes them and passes them to eval.
func gitlabWays(t testing.TB) []way {
	t.Helper()
	var file struct {
		Backup struct {
			Variables map[string]string
			Script    []string
		}
	}
	if err := yaml.Unmarshal([]byte(gateCode(t, ".gitlab-ci.yml")), &file); err != nil {
		t.Fatal(err)
	}
	for name, value := range file.Backup.Variables {
		file.Backup.Variables[name] = strings.ReplaceAll(value, "$CI_PIPELINE_URL", "https://gitlab.example.com/shop/web/-/pipelines/4711")
	}
	lines := strings.Join(file.Backup.Script, "\n") + "\necho what follows the gate\n"
	script := "if set -o | grep pipefail > /dev/null; then set -o pipefail; fi; set -o errexit\nset +o noclobber\n: | eval '" +
		strings.ReplaceAll(lines, "'", `'\''`) + "'\nexit 0\n"
	return []way{
		{"GitLab CI, bash", script, file.Backup.Variables, []string{"bash"}},
		{"GitLab CI, sh", script, file.Backup.Variables, []string{"dash"}},
	}
}

// These patterns find a stage's variable, the script and the script's escapes in a Jenkinsfile.
var (
	jenkinsVariable = regexp.MustCompile(`(?m)^        (\w+) = '([^']*)'$`)
	jenkinsScript   = regexp.MustCompile(`(?s)sh '''(.*?)'''`)
	groovyEscape    = regexp.MustCompile(`(?s)\\(.)`)
)

// jenkinsWay returns a way that runs the script as the Jenkins step sh does, after Groovy has read
// the text.
func jenkinsWay(t testing.TB) way {
	t.Helper()
	file := gateCode(t, "Jenkinsfile")
	env := map[string]string{"BUILD_URL": "https://jenkins.example.com/job/%E9%83%A8%E7%BD%B2/7/"}
	for _, m := range jenkinsVariable.FindAllStringSubmatch(file, -1) {
		env[m[1]] = m[2]
	}
	text := jenkinsScript.FindStringSubmatch(file)
	if text == nil {
		t.Fatal("there is no sh ''' in the Jenkinsfile")
	}
	script := groovyEscape.ReplaceAllStringFunc(text[1], func(escaped string) string {
		switch escaped {
		case `\\`:
			return `\`
		case `\n`:
			return "\n"
		}
		t.Fatalf("Groovy would make something else of %q", escaped)
		return ""
	})
	return way{"Jenkins", script, env, []string{"sh", "-xe"}}
}
