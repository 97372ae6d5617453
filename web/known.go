package web

import (
	"net/http"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/precheck"
	"backupportal/templates"
)

// knownPath is the address of what is known about the machine of a form.
const knownPath = "/known"

// knownParameters are the query parameters of knownPath: the values of a form that name the machine.
func knownParameters() []string {
	return []string{"SourceType", "Account", "Region", "InstanceId", "ContainerClusterId"}
}

// known answers GET /known for the script of the form: what can be known about the machine before the form is
// complete, such as whether it runs, what is left of the limits, and its last good backup. The answer has nothing
// if the machine is not named completely, or if no rule allows the person to back it up.
func (s *Server) known(w http.ResponseWriter, r *http.Request) error {
	page := templates.CheckPage{Shell: s.shell(r)}
	given := param.Params{}
	for _, name := range knownParameters() {
		if value := r.URL.Query().Get(name); value != "" {
			given[name] = value
		}
	}
	if call, ok := s.partOf(r, given); ok {
		page.Call, page.Checks = call, s.checks.Check(r.Context(), call)
		page.Checks.Findings = beforeContinue(page.Checks.Findings)
	}
	return render(w, r, http.StatusOK, templates.Known(page))
}

// partOf returns a call that has only the machine that given names. It returns false if given names none, or if no rule
// allows a backup of it with any other values.
func (s *Server) partOf(r *http.Request, given param.Params) (backup.Call, bool) {
	machine := given["InstanceId"]
	if given.SourceType() == param.Container {
		machine = given["ContainerClusterId"]
	}
	account, known := s.Policy.Account(given["Account"])
	if machine == "" || !known || !given.SourceType().Known() || given.CheckValues() != nil {
		return backup.Call{}, false
	}
	grant, ok := s.Policy.Likely(r.Context(), principal(r), given)
	target := backup.Target{Account: account, Region: given["Region"], Principal: principal(r)}
	return backup.Call{Target: target, Params: given.WithDefaults(), Grant: grant}, ok
}

// beforeContinue returns the findings that the form shows. It leaves out those about roles and disks if they are in
// order, because they then say nothing about the machine.
func beforeContinue(all []precheck.Finding) (some []precheck.Finding) {
	for _, f := range all {
		if f.Kind != precheck.OK || f.ID != "roles" && f.ID != "disks" {
			some = append(some, f)
		}
	}
	return some
}
