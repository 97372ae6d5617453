package web

import (
	"cmp"
	"net/http"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/templates"
	"backupportal/web/auth"
)

// shell is what every page shows around its content.
func (s *Server) shell(r *http.Request) templates.Shell {
	shell := templates.Shell{
		Path:      r.URL.Path,
		Query:     r.URL.RawQuery,
		Demo:      s.Demo,
		Ephemeral: s.Store.Ephemeral,
		Disabled:  !s.Policy.Enabled(),
		CSS:       assetPath("portal.css"),
		JS:        assetPath("portal.js"),
		Picker:    assetPath("pick.js"),
		Icon:      assetPath("icon.svg"),
		API:       docsPath,
		Now:       s.Backups.Now(),
		Zone:      s.Zone,
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		// A change of language leads back by GET, which this address may not take.
		shell.Path, shell.Query = "/backups/new", ""
		if id := r.PathValue("SubmissionId"); id != "" {
			shell.Path = "/backups/" + id
		}
	}
	if r.URL.Path == auth.CallbackPath {
		shell.Path, shell.Query = "/", "" // its address has the provider's code in it, and leads nowhere twice
	}
	p, known := r.Context().Value(principalKey{}).(identity.Principal)
	if !known {
		var err error
		p, err = s.Who(r)
		known = err == nil
	}
	if known {
		shell.User = p.Name
		if s.SignIn != nil {
			shell.SignOut = logoutPath
		}
	}
	return shell
}

// start shows what one may do, and one's last backups.
func (s *Server) start(w http.ResponseWriter, r *http.Request) error {
	page, err := s.Backups.List(r.Context(), principal(r), backup.Query{Principal: principal(r).ID(), Limit: 5})
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, templates.Start(templates.StartPage{
		Shell: s.shell(r),
		Rows:  s.rows(page.Records),
		Rules: s.Policy.Rules(principal(r)),
	}))
}

// choose offers the kinds of backup.
func (s *Server) choose(w http.ResponseWriter, r *http.Request) error {
	offered := map[param.SourceType]bool{}
	for _, source := range param.SourceTypes {
		offered[source] = s.Policy.Offer(principal(r), source).Granted
	}
	return render(w, r, http.StatusOK, templates.Choose(templates.ChoosePage{Shell: s.shell(r), Offered: offered}))
}

// newBackup shows the form for one kind of backup, filled from the query or
// from an earlier submission.
func (s *Server) newBackup(source param.SourceType) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		values, strange := prefilled(source, r.URL.Query())
		if from := r.URL.Query().Get("from"); from != "" {
			record, err := s.Backups.Refresh(r.Context(), principal(r), from)
			if err != nil {
				return err
			}
			values = formValues(record.Params)
			spread(values)
		}
		page := s.formPage(r, source, values, nil)
		page.Key = s.Backups.NewID()
		withDefaults(page)
		page.Strange = strange
		return render(w, r, http.StatusOK, templates.Form(page))
	}
}

// formPage is the form as r brought it, or an empty one.
func (s *Server) formPage(
	r *http.Request,
	source param.SourceType,
	values templates.Values,
	bad []param.Mistake,
) templates.FormPage {
	values["SourceType"] = string(source)
	return templates.FormPage{
		Shell:    s.shell(r),
		Source:   source,
		Key:      s.key(r),
		Values:   values,
		Mistakes: bad,
		Accounts: s.accounts(principal(r)),
		Offer:    s.Policy.Offer(principal(r), source),
	}
}

// key is that of the submission which the form in r becomes. The form has it
// from the first, so that reloading the check page, or going back to it after
// the start, leads to the same submission.
func (s *Server) key(r *http.Request) string {
	if key := r.PostForm.Get("key"); validKey(key) {
		return key
	}
	return s.Backups.NewID()
}

// preview answers the buttons of the form and of the check page, but for the
// one that starts the backup.
func (s *Server) preview(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(r)
	if err != nil {
		return err
	}
	source := param.SourceType(cmp.Or(values["SourceType"], string(param.UDMECS)))
	if !source.Known() {
		return errRequest
	}
	verb, rest, _ := strings.Cut(cmp.Or(r.PostForm.Get("op"), "check"), ":")
	argument, row, _ := strings.Cut(rest, ":")
	switch verb {
	case "check":
		return s.check(w, r, source, values)
	case "lang":
		return s.redraw(w, r, source, values, argument)
	}
	page := s.formPage(r, source, values, nil)
	switch verb {
	case "edit":
		page.Section, page.Key = argument, s.Backups.NewID() // what is changed is another submission
		withDefaults(page)
	case "add", "remove":
		page.Focus = rowOp(values, verb, argument, row)
	case "draw":
	default:
		return errRequest
	}
	if part := r.Header.Get("X-Part"); part != "" {
		if part != "rows-"+argument {
			return errRequest
		}
		return render(w, r, http.StatusOK, templates.Part(page, part))
	}
	return render(w, r, http.StatusOK, templates.Form(page))
}

// redraw shows the page that the language buttons were on, in another language.
func (s *Server) redraw(
	w http.ResponseWriter,
	r *http.Request,
	source param.SourceType,
	values templates.Values,
	tag string,
) error {
	l, ok := languageTag(tag)
	if !ok {
		return errRequest
	}
	s.setCookie(w, "lang", string(l))
	r = withLanguage(r, l)
	switch r.PostForm.Get("at") {
	case "check":
		return s.check(w, r, source, values)
	case "mistakes":
		j, err := s.judge(r, values)
		if err != nil {
			return err
		}
		return render(w, r, j.status, templates.Form(s.formPage(r, source, j.values, j.bad)))
	}
	return render(w, r, http.StatusOK, templates.Form(s.formPage(r, source, values, nil)))
}

// check shows everything once more before it starts, or the form again with
// what is wrong in it.
func (s *Server) check(w http.ResponseWriter, r *http.Request, source param.SourceType, values templates.Values) error {
	j, err := s.judge(r, values)
	if err != nil {
		return err
	}
	if j.bad != nil {
		return render(w, r, j.status, templates.Form(s.formPage(r, source, j.values, j.bad)))
	}
	return render(w, r, j.status, templates.Check(templates.CheckPage{
		Shell: s.shell(r), Call: j.call, Values: j.values, Hidden: hidden(j.values, j.key), Previews: j.previews,
	}))
}

// A judgement is what the domain and the policy say of a form.
type judgement struct {
	key      string
	values   templates.Values // without those of closed reveals
	status   int
	bad      []param.Mistake // if there are none, the rest is there
	call     backup.Call
	previews []backup.Preview
}

func (s *Server) judge(r *http.Request, values templates.Values) (judgement, error) {
	params, values, bad := formInput(values)
	j := judgement{key: s.key(r), values: values, status: http.StatusOK}
	sub := backup.Submission{Door: backup.DoorForm, Principal: principal(r), Key: j.key, Params: params}
	var err error
	j.call, j.previews, err = s.Backups.Previews(r.Context(), sub)
	if j.status, j.bad = wrong(bad, err); j.bad != nil {
		return j, nil
	}
	j.status = http.StatusOK
	return j, err
}

// wrong gathers what is wrong with a form: its own mistakes, those of the
// domain, and the refusals of the policy, each with its status.
func wrong(own []param.Mistake, err error) (status int, all []param.Mistake) {
	status = http.StatusUnprocessableEntity
	if f := faultOf(err); err != nil && f.status == http.StatusForbidden && own == nil {
		status = f.status
	}
	return status, param.Bounded(merged(own, allMistakes(err)))
}

// merged leaves out what the domain says again of a field that the form has
// already complained about.
func merged(own, domain []param.Mistake) []param.Mistake {
	said := map[string]bool{}
	for _, m := range own {
		said[m.Field] = true
	}
	all := own
	for _, m := range domain {
		if !said[m.Field] {
			all = append(all, m)
		}
	}
	return param.InFormOrder(all)
}

// createBackup starts what the check page showed. A form with mistakes is
// shown again.
func (s *Server) createBackup(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(r)
	if err != nil {
		return err
	}
	key := r.PostForm.Get("key")
	if !validKey(key) {
		return errKey
	}
	source := param.SourceType(cmp.Or(values["SourceType"], string(param.UDMECS)))
	params, values, bad := formInput(values)
	if bad == nil {
		answer, submitErr := s.Backups.Submit(r.Context(), backup.Submission{
			Door: backup.DoorForm, Principal: principal(r), Key: key, Params: params,
		})
		if submitErr == nil {
			http.Redirect(w, r, "/backups/"+answer.SubmissionID, http.StatusSeeOther)
			return nil
		}
		err = submitErr
	}
	if status, bad := wrong(bad, err); bad != nil && source.Known() {
		return render(w, r, status, templates.Form(s.formPage(r, source, values, bad)))
	}
	return s.elsewhere(w, r, err)
}

// elsewhere leads a second press of the button to the first one's page.
func (s *Server) elsewhere(w http.ResponseWriter, r *http.Request, err error) error {
	if busy, ok := inProgress(err); ok {
		http.Redirect(w, r, "/backups/"+busy.SubmissionID, http.StatusSeeOther)
		return nil
	}
	return err
}
