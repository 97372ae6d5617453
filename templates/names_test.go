package templates_test

import (
	"strings"
	"testing"

	"github.com/a-h/templ"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/templates"
)

// TestDisplayNamesAreShown proves that the display name of an account is shown beside its
// alias, in the reader's language.
func TestDisplayNamesAreShown(t *testing.T) {
	s := newSampler(same)
	account := backup.Account{Alias: "prod", Name: param.Both("Production", "生产"), ID: "1589750000004625", Regions: []string{"cn-hangzhou"}}
	form := s.form(param.UDMECS, nil)
	form.Accounts = []backup.Account{account}
	row := s.row(backup.StateRunning)
	row.AccountLabel = account.Label()
	for name, page := range map[string]templ.Component{
		"form":    templates.Form(form),
		"access":  templates.Access(templates.AccessPage{Shell: s.shell("/access"), Accounts: form.Accounts}),
		"history": templates.History(templates.HistoryPage{Shell: s.shell("/backups"), Rows: []templates.Row{row}, Accounts: form.Accounts}),
		"start": templates.Start(templates.StartPage{Shell: s.shell("/"), Rules: []policy.Rule{{
			ID: "r", Accounts: []string{"prod"}, AccountLabels: []param.Text{account.Label()}, Max: 7,
		}}}),
	} {
		for l, want := range map[param.Language]string{param.English: "Production (prod)", param.Chinese: "生产（prod）"} {
			if text := draw(t, page, l).Find("main").Text(); !strings.Contains(text, want) {
				t.Errorf("%s: %s is without %q", l, name, want)
			}
		}
	}
}
