package templates_test

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The style sheet's colours, light and dark, by name.
func tokens(t *testing.T) (light, dark map[string]string) {
	t.Helper()
	css, err := os.ReadFile("../web/static/portal.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark = map[string]string{"white": "#ffffff"}, map[string]string{"white": "#ffffff"}
	for _, m := range regexp.MustCompile(`--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`).FindAllStringSubmatch(string(css), -1) {
		light[m[1]], dark[m[1]] = m[2], m[3]
	}
	if len(light) < 20 {
		t.Fatalf("%d colours found", len(light))
	}
	return light, dark
}

// contrast returns the contrast ratio of two colours (WCAG 2.2).
func contrast(t *testing.T, a, b string) float64 {
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	channel := func(shift uint) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= .04045 {
			return c / 12.92
		}
		return math.Pow((c+.055)/1.055, 2.4)
	}
	return .2126*channel(16) + .7152*channel(8) + .0722*channel(0)
}

func TestColoursHaveEnoughContrast(t *testing.T) {
	const text, shape = 4.5, 3
	pairs := []struct {
		front, back string
		least       float64
	}{
		{"text", "bg", text}, {"text", "surface", text}, {"text", "sunken", text}, {"text", "tint", text},
		{"text", "bad-tint", text}, {"text", "warn-tint", text},
		{"muted", "bg", text}, {"muted", "surface", text}, {"muted", "sunken", text}, {"muted", "tint", text}, {"muted", "bad-tint", text}, {"muted", "warn-tint", text},
		{"accent", "bg", text}, {"accent", "surface", text}, {"accent", "sunken", text}, {"accent", "tint", text},
		{"accent-deep", "bg", text}, {"accent-deep", "surface", text}, {"accent-deep", "tint", text},
		{"on-accent", "accent", text}, {"on-accent", "accent-deep", text}, {"on-bad", "bad", text},
		{"bad", "surface", text}, {"bad", "sunken", text}, {"bad", "bad-tint", text},
		{"good", "surface", text}, {"good", "good-tint", text},
		{"warn", "bg", text}, {"warn", "surface", text}, {"warn", "sunken", text}, {"warn", "warn-tint", text},
		{"white", "bar", text},
		{"edge", "bg", shape}, {"edge", "surface", shape}, {"edge", "sunken", shape}, {"accent", "bg", shape},
		{"shade-2", "good-tint", shape}, {"shade-3", "good-tint", shape}, {"accent", "good-tint", shape},
	}
	light, dark := tokens(t)
	for name, set := range map[string]map[string]string{"light": light, "dark": dark} {
		for _, p := range pairs {
			if got := contrast(t, set[p.front], set[p.back]); got < p.least {
				t.Errorf("%s: %s on %s has %.2f, want %.1f", name, p.front, p.back, got, p.least)
			}
		}
	}
}

// TestOldBrowsersHaveTheLightColours proves that browsers without light-dark() get the light
// colours.
func TestOldBrowsersHaveTheLightColours(t *testing.T) {
	css, err := os.ReadFile("../web/static/portal.css")
	if err != nil {
		t.Fatal(err)
	}
	_, old, _ := strings.Cut(string(css), "@supports not (color: light-dark")
	old, _, _ = strings.Cut(old, "[data-theme")
	light, _ := tokens(t)
	for name, colour := range light {
		if name != "white" && !strings.Contains(old, "--"+name+": "+colour+";") {
			t.Errorf("--%s is not %s for old browsers", name, colour)
		}
	}
}
