package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/templates"
)

// accessParameters lists the parameters of an access check (a test of whether the portal can
// back up in an account). Account is first, because the API has it in the path and the others
// in the query.
var accessParameters = []string{
	"Account",
	"Region",
	"SourceType",
	"InstanceId",
	"ContainerClusterId",
	"VaultId",
	"Detail.appConsistent",
	"Detail.snapshotGroup",
}

// access answers GET /access with a page that shows the result of each access check of an
// account. The form links to this page with all of its values; the checks use only some of
// them.
func (s *Server) access(w http.ResponseWriter, r *http.Request) error {
	page := templates.AccessPage{Shell: s.shell(r), Given: map[string]string{}}
	page.Shell.Query = ""
	query := r.URL.Query()
	params := param.Params{}
	for _, name := range accessParameters {
		value := query.Get(name)
		if value == "" {
			continue
		}
		params[name] = value
		switch name {
		case "Account", "Region", "SourceType", "InstanceId":
			page.Given[name] = value
		default:
			page.Also = append(page.Also, templates.Hidden{Name: name, Value: value})
		}
	}
	for _, a := range s.Policy.Accounts(principal(r), backup.ActionCreate) {
		a.Regions = s.Policy.Regions(principal(r), a.Alias)
		page.Accounts = append(page.Accounts, a)
	}
	status := http.StatusOK
	if params["Account"] != "" && params["Region"] != "" {
		var err error
		page.Checks, err = s.Backups.Preflight(r.Context(), principal(r), params)
		if status, page.Mistakes = formMistakes(nil, err); page.Mistakes == nil && err != nil {
			return err
		}
		status = cmp.Or(map[bool]int{true: http.StatusOK}[err == nil], status)
	}
	return render(w, r, status, templates.Access(page))
}

// askAccess answers POST /access. It redirects to GET /access with the values of the form.
func (s *Server) askAccess(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(r)
	if err != nil {
		return err
	}
	params, _, _ := formInput(values)
	query := url.Values{}
	for _, name := range accessParameters {
		if value := cmp.Or(params[name], values[name]); value != "" {
			query.Set(name, value)
		}
	}
	http.Redirect(w, r, "/access?"+query.Encode(), http.StatusSeeOther)
	return nil
}

// errNoResource means that an account, a region or a resource does not exist, or that the
// sender may not create backups of it. Both cases have the same error, so that the sender
// cannot find out what exists.
var errNoResource = errors.New("no such account or resource")

// aboutResource returns errNoResource instead of [backup.ErrNotFound], and every other error
// unchanged. It is for requests about an account: without it, the error would speak of a
// submission.
func aboutResource(err error) error {
	if errors.Is(err, backup.ErrNotFound) {
		return errNoResource
	}
	return err
}

// A Preflight is the JSON answer with the results of all access checks.
type Preflight struct {
	Account string        `json:"Account"` // the account alias
	Region  string        `json:"Region"`
	Passed  bool          `json:"Passed"` // true if no check failed
	Checks  []AccessCheck `json:"Checks"` // in the order of their dependencies
}

// An AccessCheck is one condition that must hold before a backup can start.
type AccessCheck struct {
	ID       string            `json:"Id"`    // stable, for programs: "trust", "hbr:CreateBackupJob"…
	Title    string            `json:"Title"` // title for people
	State    backup.CheckState `json:"State"`
	Finding  string            `json:"Finding,omitempty"`  // text for people; empty if there is nothing to say
	Evidence map[string]string `json:"Evidence,omitempty"` // what the cloud answered; the keys are names
	Fixes    []PreviewText     `json:"Fixes,omitempty"`    // what to change, and where to change it
}

// preflight answers GET …/preflight with the access checks of one account and region, as JSON.
func (s *Server) preflight(w http.ResponseWriter, r *http.Request) error {
	query, err := strictQuery(r, accessParameters[1:]...)
	if err != nil {
		return err
	}
	if query["Region"] == "" {
		return &queryError{param.InvalidError{{Field: "Region", Code: "required", Text: msgRegionNeeded}}}
	}
	params := param.Params(query)
	params["Account"] = r.PathValue("alias")
	checks, err := s.Backups.Preflight(r.Context(), principal(r), params)
	if err != nil {
		return aboutResource(err)
	}
	l := templates.Language(r.Context())
	answer := Preflight{Account: params["Account"], Region: params["Region"], Passed: true}
	for _, check := range checks {
		answer.Passed = answer.Passed && check.State == backup.CheckOK
		one := AccessCheck{
			ID:       check.ID,
			Title:    check.Title.In(l),
			State:    check.State,
			Finding:  check.Finding.In(l),
			Evidence: map[string]string{},
		}
		for name, value := range map[string]string{
			"Operation":        check.Evidence.Operation,
			"Code":             check.Evidence.Code,
			"Message":          check.Evidence.Message,
			"RequestId":        check.Evidence.RequestID,
			"Identity":         check.Evidence.Identity,
			"AuthAction":       check.Evidence.Denial.Action,
			"PolicyType":       check.Evidence.Denial.PolicyType,
			"NoPermissionType": check.Evidence.Denial.Kind,
		} {
			if value != "" {
				one.Evidence[name] = value
			}
		}
		for _, f := range check.Fixes {
			one.Fixes = append(one.Fixes, PreviewText{Title: f.Title.In(l), Code: f.Code})
		}
		answer.Checks = append(answer.Checks, one)
	}
	return writeJSON(w, r, http.StatusOK, answer)
}

var msgRegionNeeded = param.Text{En: "Region is required: access is checked for one region", Zh: "缺少 Region：访问权限按地域检查"}
