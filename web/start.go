package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/inventory"
	"backupportal/function/param"
	"backupportal/templates"
)

// Numbers of rows of the start page.
const (
	machinesPage  = 20 // machines on one page
	recentBackups = 5  // the person's last submissions that are shown
	recentChoices = 20 // the person's last submissions whose machines are at the top of the list
	historyOfOne  = 10 // submissions of one machine that are read to find its last complete backup
	tagOptions    = 30 // options of the filter by tag
	historyReads  = 4  // machines whose history is read at the same time
)

// startFilters are the query parameters that filter the machines, in the order of the page.
var startFilters = []string{"Search", "Account", "Region", "Tag"}

// start answers GET /. It shows the machines that the person may back up, the person's last submissions
// and rules. The query has the filters of startFilters and these parameters:
//
//	Kind     instances (the default), clusters, or volumes of one cluster
//	Cluster  with volumes: the id of the cluster
//	Page     number of the page, from 1
//	Again    not empty: ask the cloud again about accounts that failed or were slow
func (s *Server) start(w http.ResponseWriter, r *http.Request) error {
	p, query := principal(r), r.URL.Query()
	page := templates.StartPage{Kind: backup.CandidateKind(cmp.Or(query.Get("Kind"), string(backup.Instances))), Filters: map[string]string{}}
	for _, name := range append([]string{"Cluster"}, startFilters...) {
		value := strings.TrimSpace(query.Get(name))
		if !isPlainText(value) || len(value) > longestSearch*4 {
			return errRequest
		}
		if value != "" {
			page.Filters[name] = value
		}
	}
	recent, err := s.Backups.List(r.Context(), p, backup.Query{Principal: p.ID(), Limit: recentChoices})
	if err != nil {
		return err
	}
	page.Shell, page.Rules = s.shell(r), s.Policy.Rules(p)
	page.Rows = s.rows(recent.Records[:min(recentBackups, len(recent.Records))])
	if page.Gaps, err = s.Backups.OpenGaps(r.Context(), s.Policy.ExpectationsOf(p)); err != nil {
		return err
	}
	page.Presets, page.Many = s.Policy.Presets(p), s.hasBatchPages()
	page.Person = s.formToken(r)
	page.Accounts = s.accounts(p)
	page.Offered = map[param.SourceType]bool{}
	for _, source := range param.SourceTypes {
		page.Offered[source] = s.Policy.Offer(p, source).Granted
	}
	if len(page.Accounts) == 0 {
		page.Help = &templates.Help{Contacts: s.Policy.Contacts(), Identity: identityLines(p)}
	}
	number, _ := strconv.Atoi(query.Get("Page")) // anything else means the first page
	switch page.Kind {
	case backup.Volumes:
		err = s.volumesOf(r.Context(), p, &page)
	case backup.Instances, backup.Clusters:
		err = s.machines(r.Context(), p, &page, recent.Records, query.Get("Again") != "", number)
	default:
		return errNoPage
	}
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, templates.Start(page))
}

// machines adds to page one page of instances or clusters, the findings about accounts and the
// options of the filter by tag. number is the number of the page, from 1; another number means
// the nearest page.
func (s *Server) machines(
	ctx context.Context, p identity.Principal, page *templates.StartPage, recent []backup.Record, again bool, number int,
) error {
	listings := s.Inventory.List(ctx, s.Backups.Policy, p, inventory.Query{
		Kind: page.Kind, Places: placesOf(page.Accounts, page.Filters["Account"], page.Filters["Region"]), Again: again,
		Points: true,
	})
	var all []inventory.Machine
	for _, l := range listings {
		all = append(all, l.Machines...)
	}
	page.Tags = commonTags(all)
	page.Findings = s.findings(p, listings)
	page.Known = len(all)
	all = slices.DeleteFunc(all, func(m inventory.Machine) bool {
		return !m.Matches(page.Filters["Search"]) || page.Filters["Tag"] != "" && !hasTag(m, page.Filters["Tag"])
	})
	sortMachines(all, recent)
	page.Total = len(all)
	last := max(1, (len(all)+machinesPage-1)/machinesPage)
	number = min(max(number, 1), last)
	page.First = (number-1)*machinesPage + 1
	all = all[page.First-1 : min(page.First-1+machinesPage, len(all))]
	if number > 1 {
		page.Previous = page.Address("Page", strconv.Itoa(number-1))
	}
	if number < last {
		page.Next = page.Address("Page", strconv.Itoa(number+1))
	}
	page.Machines = make([]templates.MachineRow, len(all))
	errs := make([]error, len(all))
	slots := make(chan struct{}, historyReads)
	var reads sync.WaitGroup
	for i, m := range all {
		reads.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			page.Machines[i], errs[i] = s.machineRow(ctx, p, m)
		})
	}
	reads.Wait()
	return errors.Join(errs...)
}

// machineRow returns a machine with its last submission and the end of its last complete
// backup, as far as p may view them. A newer recovery point of m counts too, also if it was not
// made through the portal.
func (s *Server) machineRow(ctx context.Context, p identity.Principal, m inventory.Machine) (templates.MachineRow, error) {
	row, err := s.historyRow(ctx, p, m)
	if m.Point.After(row.Good) {
		row.Good = m.Point
	}
	return row, err
}

// historyRow is machineRow without the recovery point of m.
func (s *Server) historyRow(ctx context.Context, p identity.Principal, m inventory.Machine) (templates.MachineRow, error) {
	row := templates.MachineRow{Machine: m}
	row.Presets = s.presetsOf(p, row)
	if account, ok := s.Policy.Account(m.Account); ok {
		row.AccountLabel = account.Label()
	}
	q := backup.Query{Account: m.Account, Resource: m.ID, Limit: historyOfOne}
	page, err := s.Backups.List(ctx, p, q)
	if err != nil {
		return row, err
	}
	for i, record := range page.Records {
		one := s.row(record)
		if i == 0 {
			row.Last = &one
		}
		if one.State == backup.StateComplete {
			row.Good = endOf(record)
			return row, nil
		}
	}
	if page.Rest == nil {
		return row, nil
	}
	q.States, q.Limit = []backup.State{backup.StateComplete}, 1
	if page, err = s.Backups.List(ctx, p, q); err == nil && len(page.Records) > 0 {
		row.Good = endOf(page.Records[0])
	}
	return row, err
}

// endOf returns when the job of r ended; if that is not known, when r was submitted.
func endOf(r backup.Record) time.Time {
	if r.Job.CompleteTime.IsZero() {
		return r.CreatedAt
	}
	return r.Job.CompleteTime
}

// placesOf returns the places whose machines are listed: all regions of the accounts. alias
// limits them to one account, and region to one region; empty means no limit.
func placesOf(accounts []backup.Account, alias, region string) (places []inventory.Place) {
	for _, a := range accounts {
		for _, id := range a.Regions {
			if (alias == "" || a.Alias == alias) && (region == "" || id == region) {
				places = append(places, inventory.Place{Account: a.Alias, Region: id})
			}
		}
	}
	return places
}

// commonTags returns the 30 most frequent tags of the machines as key=value, sorted by text.
func commonTags(all []inventory.Machine) []string {
	count := map[string]int{}
	for _, m := range all {
		for key, value := range m.Tags {
			count[key+"="+value]++
		}
	}
	tags := make([]string, 0, len(count))
	for tag := range count {
		tags = append(tags, tag)
	}
	slices.SortFunc(tags, func(a, b string) int { return cmp.Or(count[b]-count[a], strings.Compare(a, b)) })
	tags = tags[:min(tagOptions, len(tags))]
	slices.Sort(tags)
	return tags
}

// hasTag reports whether m has the tag, which is written key=value.
func hasTag(m inventory.Machine, tag string) bool {
	for key, value := range m.Tags {
		if key+"="+value == tag {
			return true
		}
	}
	return false
}

// sortMachines puts the machines of the recent submissions first, in the order of recent. The
// others keep the order of accounts and regions; in a region they are sorted by name, then by
// id.
func sortMachines(all []inventory.Machine, recent []backup.Record) {
	place := map[[2]string]int{}
	for i, r := range recent {
		key := [2]string{r.Account(), r.Resource()}
		if _, known := place[key]; !known {
			place[key] = i - len(recent)
		}
	}
	slices.SortStableFunc(all, func(a, b inventory.Machine) int {
		rank := place[[2]string{a.Account, a.ID}] - place[[2]string{b.Account, b.ID}]
		if rank != 0 || a.Place != b.Place {
			return rank
		}
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
}

// findings returns what the start page says about lists that are not current: one finding for
// each account and each state of its regions other than [inventory.Fresh].
func (s *Server) findings(p identity.Principal, listings []inventory.Listing) []templates.AccountFinding {
	var all []templates.AccountFinding
	for _, l := range listings {
		if l.State == inventory.Fresh {
			continue
		}
		i := slices.IndexFunc(all, func(f templates.AccountFinding) bool { return f.Account == l.Account && f.State == l.State })
		if i < 0 {
			f := templates.AccountFinding{Account: l.Account, State: l.State, Label: param.Both(l.Account, l.Account)}
			if account, ok := s.Policy.Account(l.Account); ok {
				f.Label = account.Label()
			}
			f.Owner = s.ownerOf(p, l.Account)
			i, all = len(all), append(all, f)
		}
		f := &all[i]
		f.Regions = append(f.Regions, l.Region)
		f.Machines += len(l.Machines)
		if !l.At.IsZero() && (f.At.IsZero() || l.At.Before(f.At)) {
			f.At = l.At
		}
	}
	return all
}

// ownerOf returns whom p can ask about an account: the owner of the first rule for p that names
// the account and has an owner. It is empty if there is no such rule.
func (s *Server) ownerOf(p identity.Principal, alias string) param.Text {
	for _, rule := range s.Policy.Rules(p) {
		if rule.Owner != (param.Text{}) && slices.Contains(rule.Accounts, alias) {
			return rule.Owner
		}
	}
	return param.Text{}
}

// volumesOf adds to page the volumes of the cluster that the filters name. The error is
// errNoPage if they name none, or none that p may back up.
func (s *Server) volumesOf(ctx context.Context, p identity.Principal, page *templates.StartPage) error {
	place := inventory.Place{Account: page.Filters["Account"], Region: page.Filters["Region"]}
	params := param.Params{"Account": place.Account, "Region": place.Region, "SourceType": string(param.Container)}
	q := backup.CandidateQuery{Kind: backup.Volumes, ClusterID: page.Filters["Cluster"], Search: page.Filters["Search"]}
	if q.ClusterID == "" {
		return errNoPage
	}
	found, err := s.Backups.Candidates(ctx, p, params, q)
	switch {
	case errors.Is(err, backup.ErrNotListed):
		page.Findings = []templates.AccountFinding{{
			Account: place.Account, Label: param.Both(place.Account, place.Account), State: inventory.Failed, Owner: s.ownerOf(p, place.Account),
		}}
		return nil
	case errors.Is(err, backup.ErrNotFound), errors.As(err, new(param.InvalidError)):
		return errNoPage
	case err != nil:
		return err
	}
	for _, t := range found.Items {
		row := templates.MachineRow{
			Machine: inventory.Machine{Place: place, Candidate: t, Sources: []param.SourceType{param.Container}},
			Cluster: q.ClusterID,
		}
		row.Presets = s.presetsOf(p, row)
		page.Machines = append(page.Machines, row)
	}
	page.First, page.Total, page.Known = 1, len(found.Items), len(found.Items)
	page.More = found.Next != ""
	return nil
}
