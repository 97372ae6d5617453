package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/inventory"
	"backupportal/function/param"
	"backupportal/templates"
)

// Limits of the lists in a form.
const (
	listPatience = 2 * time.Second // how long a form waits for all of its lists, if Server.Patience is 0
	mostVaults   = 20              // if a region has more vaults, the form has a search instead of a list
)

// renderForm writes the page of a form as the response. It first adds to page the targets of a batch, or the
// lists from which a person selects (see addLists).
func (s *Server) renderForm(w http.ResponseWriter, r *http.Request, status int, page templates.FormPage) error {
	if isBatch(page.Values) {
		set, err := s.targetSet(r, page.Values[targetsName])
		if err != nil {
			return err
		}
		page.Targets, page.Kinds = &set, map[param.SourceType]bool{}
		for _, source := range param.SourceTypes {
			page.Kinds[source] = s.Policy.Offer(principal(r), source).Granted
		}
	}
	s.addLists(r, &page, "")
	return render(w, r, status, templates.Form(page))
}

// addLists adds to the form the lists from which a person selects: the disks of the instance
// and the vaults of the region, if these fields apply and account and region are known. It
// reads them at the same time. If a list cannot be read in time, the page says so and the
// person types the id. If only is not empty, only that field gets a list.
func (s *Server) addLists(r *http.Request, page *templates.FormPage, only string) {
	ctx, cancel := context.WithTimeout(r.Context(), cmp.Or(s.Patience, listPatience))
	defer cancel()
	page.Lists = map[string]templates.FieldList{}
	var mu sync.Mutex
	var reads sync.WaitGroup
	list := func(name string, q backup.CandidateQuery) {
		if f, _ := param.FieldNamed(name); !f.ForSource(page.Source) || only != "" && only != name {
			return
		}
		reads.Go(func() {
			found, ok := s.readList(ctx, r, page, q)
			if ok {
				mu.Lock()
				defer mu.Unlock()
				page.Lists[name] = found
			}
		})
	}
	if !page.HasPlace() {
		return
	}
	if instance, _ := param.FieldNamed("InstanceId"); page.Values["InstanceId"] != "" && instance.Check(page.Values["InstanceId"]) == nil {
		list("Detail.diskIdList", backup.CandidateQuery{Kind: backup.Disks, InstanceID: page.Values["InstanceId"]})
	}
	list("VaultId", backup.CandidateQuery{Kind: backup.Vaults})
	if only == "" {
		reads.Go(func() { page.Machine = s.machineOf(ctx, r, page) })
	}
	reads.Wait()
}

// machineOf returns the instance or cluster of a form. It returns nil if the form must ask for
// it: its id is missing or invalid, there is a mistake about it, the person searches for it, or
// the list cannot be read now.
func (s *Server) machineOf(ctx context.Context, r *http.Request, page *templates.FormPage) *templates.MachineRow {
	name, q := "InstanceId", backup.CandidateQuery{Kind: backup.Instances, InstanceID: page.Values["InstanceId"]}
	sources := []param.SourceType{param.UDMECS, param.ECSFile}
	if page.Source == param.Container {
		name, q = "ContainerClusterId", backup.CandidateQuery{Kind: backup.Clusters, ClusterID: page.Values["ContainerClusterId"]}
		sources = []param.SourceType{param.Container}
	}
	id := page.Values[name]
	field, _ := param.FieldNamed(name)
	_, searched := page.Matches[name]
	wrong := slices.ContainsFunc(page.Mistakes, func(m param.Mistake) bool {
		return m.Field == "Account" || m.Field == "Region" || m.Field == name
	})
	if id == "" || field.Check(id) != nil || searched || wrong || page.Focus == name {
		return nil
	}
	list, _ := s.readList(ctx, r, page, q)
	i := slices.IndexFunc(list.Items, func(c backup.Candidate) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	m := inventory.Machine{Place: inventory.Place{Account: page.Values["Account"], Region: page.Values["Region"]}, Candidate: list.Items[i]}
	for _, source := range sources {
		asked := param.Params{"Account": m.Account, "Region": m.Region, "SourceType": string(source), name: id}
		if s.Backups.Policy.May(ctx, principal(r), backup.ActionCreate, asked) {
			m.Sources = append(m.Sources, source)
		}
	}
	if !m.Allows(page.Source) {
		return nil
	}
	if page.Source != param.Container {
		m.Point = s.Inventory.PointOf(ctx, s.Backups.Policy, principal(r), m.Place, id)
	}
	row, err := s.machineRow(ctx, principal(r), m)
	if err != nil {
		s.Log.InfoContext(ctx, "no history for a form", "error", err)
	}
	return &row
}

// pathMistakes returns the mistakes in the paths of a backup of files, by the rules of the
// instance's operating system. If the cloud does not say which one it is in time, it returns
// nil; the checks before the start then ask again.
func (s *Server) pathMistakes(r *http.Request, call backup.Call) []param.Mistake {
	p := call.Params
	if p.SourceType() != param.ECSFile || p["Include"]+p["Exclude"] == "" || call.Target.Account.Access == backup.HBRCrossAccount {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), cmp.Or(s.Patience, listPatience))
	defer cancel()
	q := backup.CandidateQuery{Kind: backup.Instances, InstanceID: p["InstanceId"]}
	found, err := s.Backups.Candidates(ctx, principal(r), p, q)
	if err != nil {
		return nil
	}
	for _, c := range found.Items {
		if c.ID == p["InstanceId"] {
			return p.CheckPaths(c.Attribute("OSType"))
		}
	}
	return nil
}

// changeMachine carries out the buttons of the machine on a form, see [Server.saveDraft].
func (s *Server) changeMachine(r *http.Request, values templates.Values, verb, argument string) error {
	if verb == "other" {
		for _, name := range []string{"InstanceId", "ContainerClusterId", "Detail.diskIdList", "choice.Detail.diskIdList"} {
			delete(values, name)
		}
		return nil
	}
	source := param.SourceType(argument)
	if !source.Known() {
		return errRequest
	}
	s.switchKind(r, values, source)
	return nil
}

// switchKind changes values to those of a form for another source type of the same machine. It
// drops values of fields that the other form does not have.
func (s *Server) switchKind(r *http.Request, values templates.Values, source param.SourceType) {
	for name := range values {
		own := strings.TrimPrefix(name, "choice.")
		if name != targetsName && !slices.ContainsFunc(param.Fields, func(f param.Field) bool {
			return f.ForSource(source) && (own == f.Name || strings.HasPrefix(own, f.Name+"."))
		}) {
			delete(values, name)
		}
	}
	fillDefaults(s.formPage(r, source, values, nil))
}

// readList reads one list for a form. ok is false if no list can be offered: the rules do not
// allow the region or the instance, or the list is too long to select from.
func (s *Server) readList(
	ctx context.Context, r *http.Request, page *templates.FormPage, q backup.CandidateQuery,
) (list templates.FieldList, ok bool) {
	found, err := s.Backups.Candidates(ctx, principal(r), param.Params{
		"Account": page.Values["Account"], "Region": page.Values["Region"], "SourceType": string(page.Source),
	}, q)
	switch {
	case errors.Is(err, backup.ErrNotFound), errors.As(err, new(param.InvalidError)):
		return list, false
	case err != nil:
		return templates.FieldList{Unreadable: true}, true
	case q.Kind == backup.Vaults && (found.Next != "" || len(found.Items) > mostVaults):
		return list, false
	}
	return templates.FieldList{Items: found.Items}, true
}
