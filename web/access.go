package web

import (
	"cmp"
	"net/http"
	"net/url"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/templates"
)

// accessParameters are those that a check of access looks at.
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

// access shows whether backups can be made in an account, and what is in the way.
// The form leads here with all that is in it, of which most does not matter.
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
		if status, page.Mistakes = wrong(nil, err); page.Mistakes == nil && err != nil {
			return err
		}
		status = cmp.Or(map[bool]int{true: http.StatusOK}[err == nil], status)
	}
	return render(w, r, status, templates.Access(page))
}

// askAccess leads from a form to the check of what is in it.
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

// A Preflight is a check of access, as machines get it.
type Preflight struct {
	Account string        `json:"Account"`
	Region  string        `json:"Region"`
	Passed  bool          `json:"Passed"` // every rung that was asked holds
	Checks  []AccessCheck `json:"Checks"` // in the order in which they stand on each other
}

// A AccessCheck is one condition for a backup.
type AccessCheck struct {
	ID       string            `json:"Id"` // stable: "trust", "hbr:CreateBackupJob"…
	Title    string            `json:"Title"`
	State    backup.CheckState `json:"State"`
	Finding  string            `json:"Finding,omitempty"`
	Evidence map[string]string `json:"Evidence,omitempty"` // what the cloud said
	Fixes    []PreviewText     `json:"Fixes,omitempty"`    // what to paste, and where
}

// preflight answers with the check of access to an account.
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
	rungs, err := s.Backups.Preflight(r.Context(), principal(r), params)
	if err != nil {
		return err
	}
	l := templates.Language(r.Context())
	answer := Preflight{Account: params["Account"], Region: params["Region"], Passed: true}
	for _, rung := range rungs {
		answer.Passed = answer.Passed && rung.State == backup.CheckOK
		one := AccessCheck{
			ID:       rung.ID,
			Title:    rung.Title.In(l),
			State:    rung.State,
			Finding:  rung.Finding.In(l),
			Evidence: map[string]string{},
		}
		for name, value := range map[string]string{
			"Operation":        rung.Evidence.Operation,
			"Code":             rung.Evidence.Code,
			"RequestId":        rung.Evidence.RequestID,
			"Identity":         rung.Evidence.Identity,
			"AuthAction":       rung.Evidence.Denial.Action,
			"PolicyType":       rung.Evidence.Denial.PolicyType,
			"NoPermissionType": rung.Evidence.Denial.Kind,
		} {
			if value != "" {
				one.Evidence[name] = value
			}
		}
		for _, f := range rung.Fixes {
			one.Fixes = append(one.Fixes, PreviewText{Title: f.Title.In(l), Code: f.Code})
		}
		answer.Checks = append(answer.Checks, one)
	}
	return writeJSON(w, r, http.StatusOK, answer)
}

var msgRegionNeeded = param.Text{En: "Region is required: access is checked for one region", Zh: "缺少 Region：访问权限按地域检查"}
