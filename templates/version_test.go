package templates_test

import (
	"os"
	"regexp"
	"testing"
)

// TestGeneratorAndRuntimeAreTheSameVersion proves that the templ generator has the version of
// the templ library. A newer generator would write calls that an older library does not have.
func TestGeneratorAndRuntimeAreTheSameVersion(t *testing.T) {
	versions := map[string]string{}
	for _, name := range []string{"../go.mod", "../.ci/tools.mod"} {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`github\.com/a-h/templ (v\S+)`).FindSubmatch(content)
		if m == nil {
			t.Fatalf("%s names no version of templ", name)
		}
		versions[name] = string(m[1])
	}
	if versions["../go.mod"] != versions["../.ci/tools.mod"] {
		t.Errorf("%v", versions)
	}
}
