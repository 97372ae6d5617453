package policy

import (
	"strings"
	"testing"
)

const withPrices = base + `prices:
  currency: CNY
  date: "2026-10-01"
  regions: [cn-hangzhou]
  snapshot_storage: 0.12
  software_fee: 5
`

func TestLoadRefusesInvalidPrices(t *testing.T) {
	for _, c := range []struct{ name, from, to, path, text string }{
		{"unknown key", "software_fee", "software", "prices.software", "is not a known key here: use currency, date, regions"},
		{"no currency", "  currency: CNY\n", "", "prices.currency", "is missing"},
		{"currency in words", "CNY", "yuan", "prices.currency", "three capital letters"},
		{"no date", "  date: \"2026-10-01\"\n", "", "prices.date", "is missing"},
		{"date without quotes", "\"2026-10-01\"", "2026-10-01", "prices.date", "quotes"},
		{"no such day", "2026-10-01", "2026-02-30", "prices.date", "is no day of the calendar"},
		{"price below nothing", "0.12", "-0.12", "prices.snapshot_storage", "a price above 0"},
		{"price of nothing", "0.12", "0", "prices.snapshot_storage", "a price above 0"},
		{"price in quotes", "0.12", "\"0.12\"", "prices.snapshot_storage", "without quotes"},
		{"price with a comma", "0.12", "0,12", "prices.snapshot_storage", "a price above 0"},
		{"price with an exponent", "0.12", "1e3", "prices.snapshot_storage", "a price above 0"},
		{"no price", "  snapshot_storage: 0.12\n  software_fee: 5\n", "", "prices", "has no price: add snapshot_storage"},
		{"unknown region", "[cn-hangzhou]\n  snapshot", "[cn-nowhere]\n  snapshot", "prices.regions[0]", "cn-nowhere"},
	} {
		if !strings.Contains(withPrices, c.from) {
			t.Fatalf("%s: the policy has no %q", c.name, c.from)
		}
		at := strings.LastIndex(withPrices, c.from)
		_, err := Load([]byte(withPrices[:at]+c.to+withPrices[at+len(c.from):]), receiverEnvironment)
		if err == nil || !strings.Contains(err.Error(), c.path+": ") || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %s: …%s", c.name, err, c.path, c.text)
		}
	}
}

// TestPricesExampleLoads proves that the price table in the example file, which is a comment, is
// valid and contains every key.
func TestPricesExampleLoads(t *testing.T) {
	text := readFile(t, "../../docs/policy.example.yaml")
	const begin = "# prices:\n"
	at := strings.Index(text, begin)
	if at < 0 {
		t.Fatalf("the example has no line %q", begin)
	}
	lines := strings.Split(text[at:], "\n")
	for i, line := range lines {
		if line == "" {
			lines = lines[:i]
			break
		}
		lines[i] = strings.TrimPrefix(line, "# ")
	}
	p, err := Load([]byte(text[:at]+strings.Join(lines, "\n")), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	got := p.Prices()
	if got == nil || got.Currency != "CNY" || got.Date.Day() != 1 || len(got.Regions) != 2 || got.Owner.Zh == "" || got.Reason.En == "" ||
		got.Snapshot != 0.12 || got.Vault != 0.2 || got.Software != 5 || got.Traffic != 0.3 {
		t.Errorf("%+v", got)
	}
	if p, err := Load([]byte(base), receiverEnvironment); err != nil || p.Prices() != nil {
		t.Errorf("without the key: %v, %v", p.Prices(), err)
	}
}
