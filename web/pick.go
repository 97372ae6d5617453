package web

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/inventory"
	"backupportal/function/param"
	"backupportal/templates"
)

// pickers are the fields with a search: a person selects their value from candidates of this
// kind, or types it.
var pickers = map[string]backup.CandidateKind{
	"InstanceId":         backup.Instances,
	"ContainerClusterId": backup.Clusters,
	"VaultId":            backup.Vaults,
}

// mergeFound removes the text boxes for searches (templates.FindPrefix) from v. The text of
// such a box becomes the value of its field, unless a radio button of the field was selected.
func mergeFound(v templates.Values) {
	for name := range pickers {
		if text, ok := v[templates.FindPrefix+name]; ok {
			v[name] = cmp.Or(v[name], text)
			delete(v, templates.FindPrefix+name)
		}
	}
}

// mergeBoxes replaces the check boxes of the disks by the value of their field. If all are
// checked, the value means "all disks", so that it includes disks that are attached later.
func mergeBoxes(v templates.Values) {
	const name = "Detail.diskIdList"
	known, err := strconv.Atoi(v[templates.BoxesPrefix+name])
	delete(v, templates.BoxesPrefix+name)
	var ticked []string
	missing := false
	for i := range maxBoxes {
		box := name + "." + strconv.Itoa(i)
		if id := v[box]; id != "" {
			ticked = append(ticked, id)
		} else if i < known {
			missing = true
		}
		delete(v, box)
	}
	switch {
	case err != nil && ticked == nil:
	case err == nil && !missing && len(ticked) == known:
		v["choice."+name] = "all"
		delete(v, name)
	default:
		v["choice."+name], v[name] = "some", strings.Join(ticked, "\n")
	}
}

// maxBoxes limits the check boxes of one field. An instance has at most 64 disks, and a draft
// can name as many others.
const maxBoxes = 128

// isBox reports whether name is one of the check boxes of the disks, or the number of them.
func isBox(name string) bool {
	number, ok := strings.CutPrefix(name, "Detail.diskIdList.")
	i, err := strconv.Atoi(number)
	return name == templates.BoxesPrefix+"Detail.diskIdList" || ok && err == nil && i >= 0 && i < maxBoxes && strconv.Itoa(i) == number
}

// options answers GET /options/{Kind} for the script of the form: the candidates that match
// Search, as options of a list box. Instances and clusters match as in
// [inventory.Machine.Matches]; vaults as the cloud decides.
func (s *Server) options(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	text := strings.TrimSpace(query.Get("Search"))
	if !isPlainText(text) || utf8.RuneCountInString(text) > longestSearch {
		return errRequest
	}
	kind := backup.CandidateKind(r.PathValue("Kind"))
	if kind != backup.Instances && kind != backup.Clusters && kind != backup.Vaults {
		return errNoPage
	}
	values := templates.Values{}
	for _, name := range []string{"Account", "Region", "SourceType"} {
		values[name] = query.Get(name)
	}
	found, ok := s.find(r.Context(), principal(r), kind, values, text)
	page := templates.OptionsPage{Search: text, Machines: found, Unreadable: !ok}
	return render(w, r, http.StatusOK, templates.Options(page))
}

// find returns the candidates of a kind that match text and that a rule allows for p. values
// has the account, the region and the SourceType; an empty SourceType is UDM_ECS. ok is false
// if the list could not be read now: then found may be empty or out of date.
func (s *Server) find(
	ctx context.Context, p identity.Principal, kind backup.CandidateKind, values templates.Values, text string,
) (found []inventory.Machine, ok bool) {
	place := inventory.Place{Account: values["Account"], Region: values["Region"]}
	source := param.SourceType(cmp.Or(values["SourceType"], string(param.UDMECS)))
	if kind == backup.Vaults {
		list, err := s.Backups.Candidates(ctx, p,
			param.Params{"Account": place.Account, "Region": place.Region, "SourceType": string(source)},
			backup.CandidateQuery{Kind: kind, Search: text})
		for _, t := range list.Items {
			found = append(found, inventory.Machine{Place: place, Candidate: t, Sources: []param.SourceType{source}})
		}
		return found, err == nil
	}
	listings := s.Inventory.List(ctx, s.Backups.Policy, p, inventory.Query{Kind: kind, Places: []inventory.Place{place}})
	for _, l := range listings {
		ok = l.State == inventory.Fresh
		for _, m := range l.Machines {
			if m.Allows(source) && m.Matches(text) {
				found = append(found, m)
			}
		}
	}
	sortMachines(found, nil)
	return found, ok
}

// named returns the candidates whose whole name is equal to name. It ignores case.
func named(all []inventory.Machine, name string) (some []inventory.Machine) {
	for _, m := range all {
		if strings.EqualFold(m.Name, name) {
			some = append(some, m)
		}
	}
	return some
}

// resolveNames replaces names by ids: for each field of pickers whose value is not a valid id,
// it searches candidates with that name. If there is one, the value becomes its id. If there
// are several, it adds a mistake to bad. If there is none, the value stays, and the usual check
// reports it.
func (s *Server) resolveNames(ctx context.Context, p identity.Principal, values templates.Values) (bad []param.Mistake) {
	source := param.SourceType(cmp.Or(values["SourceType"], string(param.UDMECS)))
	for name, kind := range pickers {
		f, _ := param.FieldNamed(name)
		text := values[name]
		if text == "" || !f.ForSource(source) || f.Check(text) == nil || values["Account"] == "" || values["Region"] == "" {
			continue
		}
		all, _ := s.find(ctx, p, kind, values, text)
		switch found := named(all, text); len(found) {
		case 0:
		case 1:
			values[name] = found[0].ID
		default:
			bad = append(bad, param.Mistake{Field: name, Code: ambiguous, Text: msgAmbiguous, Args: []any{len(found), text}})
		}
	}
	return bad
}

// ambiguous is the code of the mistake that several candidates have the typed name.
const ambiguous = "ambiguous"

var msgAmbiguous = param.Text{En: "%v are called %v: choose one", Zh: "有 %v 台实例名为 %v，请选择其中一台"}

// searched returns the field whose button "Search" was pressed in the form of r; empty if none
// was pressed.
func searched(r *http.Request) string {
	field, _ := strings.CutPrefix(r.PostForm.Get("op"), "find:")
	if _, ok := pickers[field]; !ok {
		return ""
	}
	return field
}

// searchText sets the field whose button "Search" was pressed to the text beside the button. An
// empty text changes nothing. The text replaces the value of a radio button that was chosen
// before.
func searchText(r *http.Request, values templates.Values) {
	if field := searched(r); field != "" {
		values[field] = cmp.Or(strings.TrimSpace(r.PostForm.Get(templates.FindPrefix+field)), values[field])
	}
}

// addMatches adds candidates to page, from which the person chooses: for the field whose button
// "Search" was pressed, the candidates that match its text; for each field with an ambiguous
// name, those with this name.
func (s *Server) addMatches(r *http.Request, page *templates.FormPage) {
	ctx, p := r.Context(), principal(r)
	page.Matches = map[string]templates.OptionsPage{}
	field := cmp.Or(searched(r), r.URL.Query().Get("find"))
	if kind, ok := pickers[field]; ok {
		text := page.Values[field]
		found, ok := s.find(ctx, p, kind, page.Values, text)
		page.Focus = field
		page.Matches[field] = templates.OptionsPage{Search: text, Machines: found, Unreadable: !ok}
	}
	for _, m := range page.Mistakes {
		if m.Code == ambiguous {
			all, _ := s.find(ctx, p, pickers[m.Field], page.Values, page.Values[m.Field])
			page.Matches[m.Field] = templates.OptionsPage{Search: page.Values[m.Field], Machines: named(all, page.Values[m.Field])}
		}
	}
}
