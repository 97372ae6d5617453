package checks

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A violation is a rule of the accessibility tool axe that a page violates, with the elements
// that violate it.
type violation struct {
	ID    string
	Help  string
	Nodes []struct {
		Target         []any // selectors; for an element in a frame, a list of selectors
		FailureSummary string
	}
}

func (v violation) String() string {
	s := v.ID + ": " + v.Help
	for _, n := range v.Nodes {
		s += fmt.Sprintf("\n\t%v: %s", n.Target, strings.ReplaceAll(n.FailureSummary, "\n", " "))
	}
	return s
}

const runAxe = `async () => (await axe.run(document, {
	resultTypes: ["violations"],
	runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
})).violations`

// TestPagesFitScreenAndPassAxe proves that every page fits the width of the screen and passes
// the accessibility tool axe. One walk through all pages checks both, because showing a page
// takes longer than checking it.
func TestPagesFitScreenAndPassAxe(t *testing.T) {
	needBrowser(t)
	script, err := axe()
	t.Run("axe is installed", func(t *testing.T) {
		leftOut(t, err != nil, fmt.Sprintf("axe-core (%v): whether people with disabilities can use the pages", err))
	})
	walk(t, func(b *tab, r reader, v view) {
		b.fits(v.name)
		if err != nil {
			return
		}
		// Colours do not depend on the width, and sizes do not depend on the theme. So each
		// language, theme and width must be combined with each of the others only in pairs,
		// unless -every-width is set.
		at := []int64{1280}
		if (r.language == "en") == (r.theme == "dark") {
			at[0] = 360
		}
		if *everyWidth {
			at = []int64{320, 360, 1280}
		}
		for _, width := range at {
			b.resize(width)
			b.obeys(script, fmt.Sprintf("%s at %d px", v.name, width))
		}
	})
}

// obeys fails the test if the axe script finds a violation in the current page.
func (b *tab) obeys(script, name string) {
	b.Helper()
	get[any](b, script+"; null")
	for _, found := range get[[]violation](b, js(runAxe)) {
		b.Errorf("%s: %s", name, found)
	}
}

// axe returns the axe-core script of the version in .ci/package.json. If the script is missing, npm
// installs it.
var axe = sync.OnceValues(func() (string, error) {
	folder := ".."
	var names, installed struct {
		Version         string
		DevDependencies map[string]string
	}
	if err := readJSON(filepath.Join(folder, "package.json"), &names); err != nil {
		return "", err
	}
	core := filepath.Join(folder, "node_modules", "axe-core")
	err := readJSON(filepath.Join(core, "package.json"), &installed)
	if err != nil || installed.Version != names.DevDependencies["axe-core"] {
		npm, err := exec.LookPath("npm")
		if err != nil {
			return "", errors.New("no npm to install it")
		}
		fmt.Println("installing axe-core with npm ci --prefix .ci")
		if out, err := exec.Command(npm, "ci", "--prefix", folder, "--no-audit", "--no-fund").CombinedOutput(); err != nil {
			return "", fmt.Errorf("npm ci: %w\n%s", err, out)
		}
	}
	script, err := os.ReadFile(filepath.Join(core, "axe.min.js"))
	return string(script), err
})

func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}
