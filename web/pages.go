package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/cost"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/templates"
	"backupportal/web/auth"
)

// shell returns what every page shows around its content, such as the header and the language
// buttons.
func (s *Server) shell(r *http.Request) templates.Shell {
	shell := templates.Shell{
		Path:      r.URL.Path,
		Query:     r.URL.RawQuery,
		Version:   s.Version.String(),
		Demo:      s.Demo,
		Ephemeral: s.Store.Ephemeral,
		Disabled:  !s.Policy.Enabled(),
		CSS:       assetPath("portal.css"),
		JS:        assetPath("portal.js"),
		Picker:    assetPath("pick.js"),
		BatchCSS:  assetPath("batch.css"),
		Icon:      assetPath("icon.svg"),
		API:       docsPath,
		Now:       s.Backups.Now(),
		Zone:      s.zone(r),
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		// The language buttons lead to shell.Path with GET. If this address accepts only POST,
		// they lead to the page of the submission, or to the form.
		shell.Path, shell.Query = "/backups/new", ""
		if id := r.PathValue("SubmissionId"); id != "" {
			shell.Path = "/backups/" + id
		}
		if id := r.PathValue("DraftId"); id != "" {
			shell.Path = draftsPath + "/" + id + "/check"
		}
	}
	if r.URL.Path == receiversPath+"/test" {
		shell.Path = receiversPath
	}
	if r.URL.Path == auth.CallbackPath {
		shell.Path, shell.Query = "/", "" // the address contains the provider's code, which is valid only once
	}
	p, known := r.Context().Value(principalKey{}).(identity.Principal)
	if !known && !isRefused(r) {
		var err error
		p, err = s.Sender(r)
		known = err == nil
	}
	if known {
		shell.User = p.Name
		shell.NoTeam = s.noTeam(r, p)
		if s.Policy.IsOperator(p) {
			shell.Receivers = receiversPath
		}
		if s.SignIn != nil {
			shell.SignOut = logoutPath
		}
	}
	return shell
}

// choose answers GET /backups/new. It shows the kinds of backup.
func (s *Server) choose(w http.ResponseWriter, r *http.Request) error {
	offered := map[param.SourceType]bool{}
	for _, source := range param.SourceTypes {
		offered[source] = s.Policy.Offer(principal(r), source).Granted
	}
	return render(w, r, http.StatusOK, templates.Choose(templates.ChoosePage{Shell: s.shell(r), Offered: offered}))
}

// newBackup returns the handler of the form for one kind of backup. The form has the values
// that were last posted from this page, or those of the query, or those of the submission that
// the parameter from names.
//
// A browser is redirected to an address with a new page id. When it returns to this address,
// the form shows the values that were posted from it.
func (s *Server) newBackup(source param.SourceType) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id := s.pageID(r.URL.Query())
		if s.Drafts != nil && r.URL.Query().Has("page") {
			d, err := s.newestFrom(r, id)
			if err == nil && (d.SubmissionID != "" || d.Values["SourceType"] == string(source)) {
				return s.renderDraft(w, r, d, id)
			}
			if err != nil && !errors.Is(err, errDraftGone) {
				return err
			}
		} else if to := withPage(r.URL, id); s.Drafts != nil && r.Header.Get("Sec-Fetch-Dest") == "document" && len(to) <= maxURL {
			http.Redirect(w, r, to, http.StatusSeeOther)
			return nil
		}
		values, unknown := prefilled(source, r.URL.Query())
		if preset := s.presetOf(principal(r), values["Preset"], source); preset != nil {
			if r.URL.Query().Get(linkWhole) == "" {
				fillFrom(values, preset.Values)
			}
		} else if values["Preset"] != "" {
			unknown = append(unknown, "Preset")
		}
		if values["Notify"] != "" {
			unknown = append(unknown, "Notify") // the check page asks for it
			delete(values, "Notify")
		}
		if from := r.URL.Query().Get("from"); from != "" {
			record, err := s.Backups.Refresh(r.Context(), principal(r), from)
			if err != nil {
				return err
			}
			values = formValues(record.Params.WithoutNotes()) // the reason and the ticket are asked again
			expandCombined(values)
		}
		_, bad := param.ParseSpeedLimit(values["SpeedLimit"])
		if values["SpeedLimit"] == "" {
			bad = nil
		}
		page := s.formPage(r, source, values, mistakes(bad))
		if !page.Offer.Granted {
			return errNoKind
		}
		page.Key = s.Backups.NewID()
		if s.Drafts != nil {
			page.Page = id
		}
		fillDefaults(page)
		page.UnknownParams = unknown
		return s.renderForm(w, r, http.StatusOK, page)
	}
}

// withPage returns the address u with the id of a page.
func withPage(u *url.URL, id string) string {
	query := "page=" + url.QueryEscape(id)
	if u.RawQuery != "" {
		query = u.RawQuery + "&" + query
	}
	return u.EscapedPath() + "?" + query
}

// formPage returns the page with the form, the given values and their mistakes.
func (s *Server) formPage(
	r *http.Request,
	source param.SourceType,
	values templates.Values,
	bad []param.Mistake,
) templates.FormPage {
	values["SourceType"] = string(source)
	offer := s.Policy.Offer(principal(r), source)
	page := templates.FormPage{
		Shell:    s.shell(r),
		Source:   source,
		Key:      s.key(r),
		Values:   values,
		Mistakes: withRanges(bad, offer),
		Accounts: s.accounts(principal(r)),
		Offer:    offer,
	}
	addLink(r, &page)
	if page.Preset = s.presetOf(principal(r), values["Preset"], source); page.Preset == nil {
		delete(values, "Preset")
	}
	s.addMatches(r, &page)
	if s.SignIn != nil && s.Drafts != nil {
		page.Person = s.SignIn.Sessions.FormToken(principal(r))
	}
	return page
}

// withRanges replaces, in each mistake about the range of a retention, the API's range by that
// of the policy's rules, because the form shows these days next to the field. The range is from
// the smallest to the largest number of days of all rules. bad is not changed.
func withRanges(bad []param.Mistake, offer policy.Offer) []param.Mistake {
	lines := map[string][]policy.Line{"Retention": offer.Lines, "Detail.destinationRetention": offer.CopyLines}
	bad = slices.Clone(bad)
	for i, m := range bad {
		rules := lines[m.Field]
		if m.Code != "between" || len(m.Args) != 3 || len(rules) == 0 {
			continue
		}
		low, high := rules[0].Min, rules[0].Max
		for _, r := range rules {
			low, high = min(low, r.Min), max(high, r.Max)
		}
		bad[i].Args = []any{m.Args[0], param.Count(max(1, low)), param.Count(high)}
	}
	return bad
}

// key returns the idempotency key of the form in r, or a new one. A form keeps its key from its
// first page on. So reloading the check page, or returning to it after the start, leads to the
// same submission.
func (s *Server) key(r *http.Request) string {
	if key := r.PostForm.Get("key"); validKey(key) {
		return key
	}
	return s.Backups.NewID()
}

// preview answers POST /backups/preview: it renders the page that follows a button of the form,
// and stores nothing. It is for parts of a page, which the script requests, and for forms that
// [Server.saveDraft] cannot store. The control op has a verb and arguments:
//
//	check                  show the check page
//	lang:TAG               show the same page in another language
//	edit:SECTION           show the form at a section again
//	add:FIELD              add a row
//	remove:FIELD:ROW       remove a row
//	set:FIELD:DAYS         fill in a number of days
//	draw:FIELD             show the form again, with what the chosen values now ask for
//	find:FIELD             search the candidates of FIELD
//	kind:SOURCE, other     change the kind of source or the machine
//
// With the header X-Part, which the script sends, the answer is only one part of the form: the
// rows of FIELD (rows-FIELD) or the question about FIELD (part-FIELD).
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
	searchText(r, values)
	if argument == "Region" {
		fitRegion(values, s.accounts(principal(r)))
	}
	page := s.formPage(r, source, values, nil)
	switch verb {
	case "edit":
		page.Section, page.Key = argument, s.Backups.NewID() // a changed form is a new submission
		fillDefaults(page)
	case "add", "remove", "set":
		page.Focus = editOp(values, verb, argument, row)
	case "kind", "other":
		if err := s.changeMachine(r, values, verb, argument); err != nil {
			return err
		}
		page = s.formPage(r, param.SourceType(values["SourceType"]), values, nil)
	case "draw", "find":
	default:
		return errRequest
	}
	if part := r.Header.Get("X-Part"); part != "" {
		if part != "rows-"+argument && part != "part-"+argument {
			return errRequest
		}
		s.addLists(r, &page, argument)
		return render(w, r, http.StatusOK, templates.Part(page, part))
	}
	return s.renderForm(w, r, http.StatusOK, page)
}

// redraw answers a language button of a form: it renders the same page again in the language with
// the given tag, and stores the language in a cookie. The error is errRequest for an unknown
// tag.
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
		j, err := s.checkForm(r, values)
		if err != nil {
			return err
		}
		return s.renderForm(w, r, j.status, s.formPage(r, source, j.values, j.bad))
	}
	return s.renderForm(w, r, http.StatusOK, s.formPage(r, source, values, nil))
}

// check shows the check page, or the form again with its mistakes.
func (s *Server) check(w http.ResponseWriter, r *http.Request, source param.SourceType, values templates.Values) error {
	j, err := s.checkForm(r, values)
	if err != nil {
		return err
	}
	if j.bad != nil {
		s.countForm(j.refused)
		return s.renderForm(w, r, j.status, s.formPage(r, source, j.values, j.bad))
	}
	return render(w, r, j.status, templates.Check(s.checkPage(r, j)))
}

// checkPage returns the check page of a form without mistakes, whose values are repeated as hidden inputs. It asks the
// cloud whether the backup can succeed.
func (s *Server) checkPage(r *http.Request, j formResult) templates.CheckPage {
	checks := s.checks.Check(r.Context(), j.call)
	page := templates.CheckPage{
		Shell: s.shell(r), Call: j.call, Values: j.values, Previews: j.previews, Link: linkValues(j.values),
		Hidden: hidden(j.values, j.key),
		Notes:  param.Notes(j.params, j.call.Params),
		Checks: checks,
		Cost:   cost.Of(j.call.Params, checks.Machine.GiB, s.Policy.Prices()),
		Chosen: j.chosen,
	}
	if !checks.Blocked() {
		page.Receivers = s.Policy.Choosable(r.Context(), principal(r), j.params)
	}
	return page
}

// A formResult says what is wrong with a form, according to the rules for values and the
// policy.
type formResult struct {
	key      string
	values   templates.Values // values of the visible controls
	status   int              // HTTP status of the answer
	params   param.Params     // the parameters that a program would send for the same backup
	bad      []param.Mistake  // if it is not empty, call and previews are not set
	refused  error            // error of the domain, if bad is not empty; nil if only the form has mistakes
	call     backup.Call
	previews []backup.Preview
	batch    batch.Request // the request of a form for several targets
	plan     batch.Plan    // the plan of batch
	chosen   []string      // receivers, which are not in values and params: the policy decides about them at the start
}

// checkForm converts a form, validates it and asks the policy, without submitting it. Its error
// is one that is not a mistake in the form.
func (s *Server) checkForm(r *http.Request, values templates.Values) (formResult, error) {
	return s.checkValues(r, s.key(r), values)
}

// checkValues does the work of checkForm for a submission with the given key.
func (s *Server) checkValues(r *http.Request, key string, values templates.Values) (formResult, error) {
	if isBatch(values) {
		return s.checkTargets(r, values)
	}
	ambiguous := s.resolveNames(r.Context(), principal(r), values)
	chosen := lines(values["Notify"])
	params, values, bad := formInput(values)
	delete(params, "Notify")
	delete(values, "Notify")
	bad = append(bad, ambiguous...)
	j := formResult{key: key, values: values, params: params, status: http.StatusOK, chosen: chosen}
	sub := backup.Submission{Door: backup.DoorForm, Principal: principal(r), Key: j.key, Params: params}
	var err error
	j.call, j.previews, err = s.Backups.Previews(r.Context(), sub)
	if j.status, j.bad = formMistakes(bad, err); j.bad != nil {
		j.refused = err
		return j, nil
	}
	if err == nil {
		j.bad = s.pathMistakes(r, j.call)
	}
	j.status = http.StatusOK
	if j.bad != nil {
		j.status = http.StatusUnprocessableEntity
	}
	return j, err
}

// formMistakes returns the mistakes of a form, those in err from the rules for values, and the
// refusals of the policy. status is 403 if there are only refusals, otherwise 422.
func formMistakes(own []param.Mistake, err error) (status int, all []param.Mistake) {
	status = http.StatusUnprocessableEntity
	if f := faultOf(err); err != nil && f.status == http.StatusForbidden && own == nil {
		status = f.status
	}
	return status, param.Bounded(mergeMistakes(own, allMistakes(err)))
}

// mergeMistakes returns own, the mistakes of the form itself, followed by those in domain about
// other fields, in the order of the form. A mistake in domain about the same field would only
// repeat one in own.
func mergeMistakes(own, domain []param.Mistake) []param.Mistake {
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

// createBackup answers POST /backups: it submits the form of the check page. A form with mistakes
// is shown again.
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
	if status, bad := formMistakes(bad, err); bad != nil && source.Known() {
		s.countForm(err)
		if aboutReceivers(bad) {
			return s.askReceivers(w, r, key, values, bad)
		}
		return s.renderForm(w, r, status, s.formPage(r, source, values, bad))
	}
	return s.redirectToRunning(w, r, err)
}

// redirectToRunning redirects a second click on the button to the page of the submission in
// progress. Other errors are returned.
func (s *Server) redirectToRunning(w http.ResponseWriter, r *http.Request, err error) error {
	if busy, ok := inProgress(err); ok {
		http.Redirect(w, r, "/backups/"+busy.SubmissionID, http.StatusSeeOther)
		return nil
	}
	return err
}
