package web_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	emulated "backupportal/function/emulator/world"
	"backupportal/function/inventory"
	"backupportal/function/policy"
	"backupportal/function/secret"
	"backupportal/function/store"
)

// A fleet is a portal with 20 accounts of 250 instances each. Each account has a role of its
// own, so that a test can make one account slow or inaccessible.
type fleet struct {
	*world
	address *url.URL
	client  atomic.Pointer[aliyun.Client]
	latency time.Duration // latency of each call

	inFlight atomic.Int64 // calls at this moment
	most     atomic.Int64 // the most calls at the same time

	mu      sync.Mutex
	blocked map[string]chan struct{} // calls with this text wait until the channel is closed
}

// block delays all calls that contain a text, until the returned function is called.
func (f *fleet) block(text string) (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wait := make(chan struct{})
	f.blocked = map[string]chan struct{}{text: wait}
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.blocked, text)
		close(wait)
	})
}

// delay waits as long as a call with this content must be delayed.
func (f *fleet) delay(ctx context.Context, call string) {
	time.Sleep(f.latency)
	f.mu.Lock()
	waits := maps.Clone(f.blocked)
	f.mu.Unlock()
	for text, wait := range waits {
		if strings.Contains(call, text) {
			select {
			case <-wait:
			case <-ctx.Done():
			}
		}
	}
}

// count counts a call that begins.
func (f *fleet) count() {
	now := f.inFlight.Add(1)
	for most := f.most.Load(); now > most && !f.most.CompareAndSwap(most, now); {
		most = f.most.Load()
	}
}

const (
	fleetAccounts = 20
	fleetSize     = 250 // instances in each account
)

func fleetAlias(n int) string { return fmt.Sprintf("team%02d", n) }
func fleetID(n int) string    { return fmt.Sprintf("30000000000000%02d", n) }

// newFleet returns a fleet. The role of the account closed does not trust the portal.
func newFleet(t *testing.T, closed int) *fleet {
	t.Helper()
	f := &fleet{}
	f.world = newWorldIn(t, func(w *emulated.World) {
		trusted := w.Accounts[1].Roles[0] // a role of the demo world that has all permissions
		for n := range fleetAccounts {
			account := emulated.Account{ID: fleetID(n), Roles: []emulated.Role{trusted}}
			if n == closed {
				account.Roles[0].Trusts = []string{"acs:ram::" + account.ID + ":root"}
			}
			for i := range fleetSize {
				id := fmt.Sprintf("i-bp1fleet%02d%04d", n, i)
				account.Instances = append(account.Instances, emulated.Instance{
					ID: id, Name: fmt.Sprintf("app%02d-%04d", n, i), Region: "cn-hangzhou", Zone: "cn-hangzhou-i", OS: "linux", PrivateIPs: []string{fmt.Sprintf("10.%d.%d.%d", n, i/250, i%250+1)},
					Tags:  map[string]string{"stage": []string{"prod", "test"}[i%2]},
					Disks: []emulated.Disk{{ID: "d-" + id[2:], Category: "cloud_essd", Type: "system", GiB: 40}},
				})
			}
			w.Accounts = append(w.Accounts, account)
			allow := &w.Accounts[0].Users[0].Permissions
			*allow = append(slices.Clone(*allow), (*allow)[len(*allow)-1])
			last := &(*allow)[len(*allow)-1]
			last.Resources = []string{"acs:ram::" + account.ID + ":role/" + trusted.Name}
		}
	})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		f.count()
		defer f.inFlight.Add(-1)
		f.delay(r.Context(), r.URL.RawQuery+string(body))
		f.cloud.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	var accounts, aliases strings.Builder
	for n := range fleetAccounts {
		fmt.Fprintf(&accounts, "  - {alias: %s, enabled: true, account_id: %q, access: assume_role, role: backup-operator, regions: [cn-hangzhou]}\n", fleetAlias(n), fleetID(n))
		fmt.Fprintf(&aliases, "%s, ", fleetAlias(n))
	}
	file := fmt.Sprintf(`version: 1
enabled: true
accounts:
%steams:
  - {name: everybody, members: [{issuer: demo, subject: demo}]}
rules:
  - id: fleet
    teams: [everybody]
    actions: [backup.create, backup.view, backup.cancel]
    owner: platform team
    accounts: [%s]
    regions: [cn-hangzhou]
    source_types: [UDM_ECS, ECS_FILE]
    any_instance: true
    any_vault: true
    retention_days: {min: 1, max: 365}
`, accounts.String(), strings.TrimSuffix(aliases.String(), ", "))
	rules, err := policy.Load([]byte(file), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	if f.address, err = url.Parse(front.URL); err != nil {
		t.Fatal(err)
	}
	f.server.Policy, f.server.Backups.Policy = rules, rules
	f.forget(t)
	return f
}

// forget gives the portal a new client without sessions, and an empty inventory.
func (f *fleet) forget(t *testing.T) {
	t.Helper()
	f.signOut(t)
	f.server.Inventory = inventory.New(f, slog.New(slog.DiscardHandler), f.clock.Now)
	f.handler = f.server.Handler()
}

// signOut gives the portal a new client without sessions, so that it has to assume all roles again.
func (f *fleet) signOut(t *testing.T) {
	t.Helper()
	key := aliyun.Credentials{AccessKeyID: emulated.DemoKey, AccessKeySecret: secret.New(emulated.DemoSecret)}
	client, err := aliyun.New(aliyun.Config{
		Endpoint: f.address, Now: f.clock.Now,
		Credentials: func(context.Context) (aliyun.Credentials, error) { return key, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	f.client.Store(client)
}

// ListAll implements [inventory.Lister] with the current client.
func (f *fleet) ListAll(ctx context.Context, target backup.Target, kind backup.CandidateKind) ([]backup.Candidate, error) {
	return f.client.Load().ListAll(ctx, target, kind)
}

func (f *fleet) RecoveryPoints(ctx context.Context, target backup.Target, s backup.SnapshotFilter) ([]backup.RecoveryPoint, error) {
	return f.client.Load().RecoveryPoints(ctx, target, s)
}

// look opens an address and returns the page and how long it took.
func (w *world) look(t *testing.T, address string) (*goquery.Document, time.Duration) {
	t.Helper()
	began := time.Now()
	answer := w.ask("GET", address, "", "")
	took := time.Since(began)
	if answer.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", address, answer.Code, answer.Body)
	}
	doc, err := goquery.NewDocumentFromReader(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc, took
}

// words returns the text of a selection with single blanks.
func words(s *goquery.Selection) string {
	var all []string
	s.Find("*").AddBack().Contents().Each(func(_ int, s *goquery.Selection) {
		if goquery.NodeName(s) == "#text" {
			all = append(all, strings.Fields(s.Text())...)
		}
	})
	return strings.Join(all, " ")
}

// TestStartPageOfLargeFleet proves that the start page can list 5,000 instances of 20 accounts,
// one of which refuses access. Each list is read once, many at the same time, and then comes
// from the cache without further calls. With -v the test logs how long the pages take.
func TestStartPageOfLargeFleet(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 7)
	f.server.Inventory.Patience = time.Minute // the machine of a test can be slow
	f.latency = 50 * time.Millisecond
	doc, cold := f.look(t, "/")
	if got := words(doc.Find("#machines")); got != "Machines 1 to 20 of 4750" {
		t.Errorf("heading %q, after %v", got, cold)
	}
	if got := words(doc.Find(".trouble li")); !strings.Contains(got, "Denied team07: the portal may not list machines there.") || !strings.Contains(got, "Contact: platform team") {
		t.Errorf("findings: %q", got)
	}
	if link := doc.Find(".trouble a").AttrOr("href", ""); link != "/backups/new/UDM_ECS?Account=team07" {
		t.Errorf("the closed account leads to %q", link)
	}
	for action, want := range map[string]int{"DescribeInstances": 19 * 3, "DescribeDisks": 19} {
		// A slow machine makes fewer calls for disks, whose time is limited.
		if got := len(f.cloud.Ledger().CallsOf(action)); got > want || action == "DescribeInstances" && got < want {
			t.Errorf("%s: %d calls, want %d", action, got, want)
		}
	}
	if most := f.most.Load(); most < 4 {
		t.Errorf("at most %d calls at the same time", most)
	}
	calls, warm := f.calls(), time.Hour
	for range 5 {
		_, took := f.look(t, "/")
		warm = min(warm, took)
	}
	if f.calls() != calls {
		t.Errorf("the cache asked %d times", f.calls()-calls)
	}
	t.Logf("%d calls in %v; from the cache %v", calls, cold, warm)
}

// TestStartPageWithSlowAccount proves that a page waits for a slow account only as long as
// [inventory.Inventory.Patience], and the next page not at all. The machines of other accounts
// are shown. A late list is on the next page; if the account is slow again, its last list is
// shown.
func TestStartPageWithSlowAccount(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 7)
	f.server.Inventory.Patience = time.Minute
	for n := range fleetAccounts {
		if n != 3 {
			f.look(t, "/?Account="+fleetAlias(n))
		}
	}
	f.server.Inventory.Patience = 100 * time.Millisecond
	release := f.block(fleetID(3))
	doc, _ := f.look(t, "/") // the account is silent until release, so an answer means that the page did not wait for it
	if got := words(doc.Find("#machines")); got != "Machines 1 to 20 of 4500" {
		t.Errorf("with a slow account: %q", got)
	}
	if got := words(doc.Find(".trouble li")); !strings.Contains(got, "Slow team03 did not answer within 2 seconds. Ask again") {
		t.Errorf("a slow account: %q", got)
	}
	f.clock.Add(3 * time.Second)
	f.server.Inventory.Patience = time.Hour
	f.look(t, "/") // the account was slow a moment ago, so the page does not wait for it again
	release()
	f.server.Inventory.Patience = time.Minute
	doc, _ = f.look(t, doc.Find(".trouble a").First().AttrOr("href", ""))
	if got := words(doc.Find("#machines")); got != "Machines 1 to 20 of 4750" {
		t.Errorf("when the account has answered: %q", got)
	}

	f.clock.Add(12 * time.Minute)
	f.signOut(t)
	defer f.block(fleetID(3))()
	f.server.Inventory.Patience = 100 * time.Millisecond
	doc, _ = f.look(t, "/?Account="+fleetAlias(3))
	if got := words(doc.Find(".trouble li")); !strings.Contains(got, "team03 did not answer within 2 seconds. Its machines (250) are shown as they were 12 min ago.") {
		t.Errorf("slow again: %q", got)
	}
	if got := words(doc.Find(".mach").Eq(1)); !strings.Contains(got, "team03 · from 12 min ago") {
		t.Errorf("an old machine: %q", got)
	}
}

// TestStartPageSearch proves that the search finds machines by name, id, address and tag. The
// filters by account, region and tag, and the pages, keep it.
func TestStartPageSearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for search, want := range map[string][]string{
		"":                              nil,
		"Search=WEB0":                   {"web01", "web02", "web03"},
		"Search=i-bp1demodb01":          {"db01"},
		"Search=172.18.0.1":             {"pay01", "pay02"},
		"Search=team%3Doffice":          {"files01"},
		"Search=web&Region=cn-shanghai": {"web03"},
		"Search=0&Account=payments":     {"pay01", "pay02", "pay03"},
		"Tag=team%3Doffice":             {"files01"},
		"Search=no-such-machine":        {},
		"Account=nowhere":               {},
	} {
		doc, _ := w.look(t, "/?"+search)
		var got []string
		doc.Find("li.mach h3").Each(func(_ int, s *goquery.Selection) { got = append(got, s.Text()) })
		if want == nil {
			if len(got) < 10 || doc.Find(`#f-Search[value=""]`).Length() != 1 {
				t.Errorf("without a search: %v", got)
			}
			continue
		}
		if !slices.Equal(slices.Sorted(slices.Values(got)), want) && len(got)+len(want) > 0 {
			t.Errorf("%s: %v, want %v", search, got, want)
		}
	}
	doc, _ := w.look(t, "/?Account=payments")
	if n := doc.Find(`#f-Region option`).Length(); n != 3 {
		t.Errorf("the account has %d regions in the filter", n)
	}
	if link := doc.Find("li.mach .do a").First().AttrOr("href", ""); link != "/backups/new/UDM_ECS?Account=payments&InstanceId=i-bp2demopay01&Region=cn-hangzhou" {
		t.Errorf("the first machine leads to %q", link)
	}
	for address, want := range map[string]int{"/?Kind=buckets": 404, "/?Search=%00": 400, "/?Page=x": 200, "/?Page=99999": 200, "/?Search=" + strings.Repeat("x", 1025): 400} {
		if answer := w.ask("GET", address, "", ""); answer.Code != want {
			t.Errorf("%.40s: %d, want %d", address, answer.Code, want)
		}
	}
}

// TestStartPageFollowsRules proves that the start page shows only machines that a rule allows,
// each with a form that the rule allows. When a rule is removed, its machines are hidden
// immediately, although the list is cached.
func TestStartPageFollowsRules(t *testing.T) {
	w := newWorld(t)
	names := func() (all []string) {
		doc, _ := w.look(t, "/")
		doc.Find("li.mach .mono").Each(func(_ int, s *goquery.Selection) { all = append(all, s.Text()) })
		return all
	}
	if got := names(); len(got) < 10 {
		t.Fatalf("machines: %v", got)
	}
	calls := w.calls()
	w.govern(t, "any_instance: true", "instances: [i-bp1demoweb02]")
	if got := names(); !slices.Equal(got, []string{"i-bp1demoweb02"}) {
		t.Errorf("machines: %v", got)
	}
	if w.calls() != calls {
		t.Errorf("the portal asked again")
	}
	w.govern(t, "source_types: [UDM_ECS, ECS_FILE, CONTAINER]", "source_types: [ECS_FILE, CONTAINER]")
	doc, _ := w.look(t, "/")
	if link := doc.Find("li.mach .do a").First().AttrOr("href", ""); !strings.HasPrefix(link, "/backups/new/ECS_FILE?") {
		t.Errorf("with a rule for files only: %q", link)
	}
}

// TestStartPageShowsHistoryOfMachines proves that a machine shows its last good backup, a
// running one with its progress, and a newer one that failed. The machines of the person's last
// submissions come first.
func TestStartPageShowsHistoryOfMachines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	submit := func(id string) {
		t.Helper()
		body := fmt.Sprintf(`{"Account":"demo","Region":"cn-hangzhou","InstanceId":%q,"Retention":7}`, id)
		answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", body)
		if answer.Code != http.StatusCreated {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
		w.clock.Add(time.Minute)
	}
	sweep := func() {
		t.Helper()
		w.clock.Add(3 * time.Minute) // in all less than 15 minutes: the SDK signs with the system's clock
		if _, err := w.server.Backups.Sweep(t.Context(), 24*time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	row := func(n int) string {
		t.Helper()
		doc, _ := w.look(t, "/")
		return words(doc.Find("li.mach").Eq(n))
	}
	submit("i-bp1demodb01")
	sweep()
	w.clock.Add(3 * time.Minute)
	if got := row(0); !strings.HasPrefix(got, "Choose db01 i-bp1demodb01 db01") || !strings.Contains(got, "Last good backup 6 min ago") || !strings.Contains(got, "Back up : db01") {
		t.Errorf("a good backup: %q", got)
	}
	if got := row(1); !strings.Contains(got, "Last good backup never") {
		t.Errorf("no backup: %q", got)
	}
	submit("i-bp1demofail01")
	sweep()
	if got := row(0); !strings.HasPrefix(got, "Choose fail01") || !strings.Contains(got, "never Failed 3 min ago") {
		t.Errorf("a failed backup: %q", got)
	}
	submit("i-bp1demodb01")
	doc, _ := w.look(t, "/")
	first := doc.Find("li.mach").First()
	if got := words(first); !strings.HasPrefix(got, "db01") || !strings.HasSuffix(got, "Follow : db01") || !strings.HasPrefix(first.Find(".do a").AttrOr("href", ""), "/backups/") {
		t.Errorf("a running backup: %q", got)
	}
}

// TestStartPageShowsBackupsOfOthers proves that the last good backup of an instance is the newest one in the cloud, also
// if it was not made through the portal. If the cloud refuses the list of backups, the page shows what the portal knew
// before.
func TestStartPageShowsBackupsOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	backUp := func() {
		t.Helper()
		body := `{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demodb01","Retention":7}`
		if answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", body); answer.Code != http.StatusCreated {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
		w.clock.Add(2 * time.Minute)
	}
	good := func() string {
		t.Helper()
		doc, _ := w.look(t, "/")
		_, after, _ := strings.Cut(words(doc.Find(`li.mach:contains("i-bp1demodb01")`)), "Last good backup ")
		return after
	}
	backUp()
	forgetful, err := store.Open(store.Config{URL: secret.New("sqlite:" + filepath.Join(t.TempDir(), "empty.db")), StatementTime: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { forgetful.Close() })
	w.server.Backups.Store, w.server.Backups.Limits = forgetful, forgetful
	w.server.Inventory.Patience = time.Minute // the machine of a test can be slow
	if err := w.cloud.SetFaults("DescribeUdmSnapshots: refuse 403 NoPermission forever"); err != nil {
		t.Fatal(err)
	}
	if got := good(); !strings.HasPrefix(got, "never") {
		t.Errorf("a denied list: %q", got)
	}
	if err := w.cloud.SetFaults(""); err != nil {
		t.Fatal(err)
	}
	w.clock.Add(time.Minute)
	if got := good(); !strings.HasPrefix(got, "2 min ago") && !strings.HasPrefix(got, "1 min ago") {
		t.Errorf("a backup that the portal has forgotten: %q", got)
	}
	doc, _ := w.look(t, "/backups/new/UDM_ECS?Account=demo&Region=cn-hangzhou&InstanceId=i-bp1demodb01")
	if got := words(doc.Find(".card.this")); !strings.Contains(got, " 2 min ago") && !strings.Contains(got, " 1 min ago") {
		t.Errorf("the form: %q", got)
	}
	calls := len(w.cloud.Ledger().CallsOf("DescribeUdmSnapshots"))
	good()
	if got := len(w.cloud.Ledger().CallsOf("DescribeUdmSnapshots")); got != calls {
		t.Errorf("the list was read %d times more within five minutes", got-calls)
	}
	if err := w.cloud.SetFaults("DescribeUdmSnapshots: refuse 403 NoPermission forever"); err != nil {
		t.Fatal(err)
	}
	w.clock.Add(6 * time.Minute)
	if got := good(); !strings.HasPrefix(got, "8 min ago") && !strings.HasPrefix(got, "7 min ago") {
		t.Errorf("denied after it was read: %q", got)
	}
}

// TestStartPageListsClusters proves that the start page lists clusters and their volumes. A
// volume leads to a form that has its values.
func TestStartPageListsClusters(t *testing.T) {
	w := newWorld(t)
	doc, _ := w.look(t, "/?Kind=clusters")
	row := doc.Find("li.mach")
	if row.Length() != 1 || !strings.Contains(words(row), "cc-0001democluster") {
		t.Fatalf("clusters: %s", words(row))
	}
	if link := row.Find(".do a").AttrOr("href", ""); link != "/backups/new/CONTAINER?Account=demo&ContainerClusterId=cc-0001democluster&Region=cn-hangzhou" {
		t.Errorf("the cluster leads to %q", link)
	}
	doc, _ = w.look(t, row.Find(".do a").Last().AttrOr("href", ""))
	if n := doc.Find("li.mach").Length(); n != 2 {
		t.Fatalf("%d volumes: %s", n, words(doc.Find("main")))
	}
	form, _ := w.look(t, doc.Find(`li.mach:contains("data-0") .do a`).AttrOr("href", ""))
	for name, want := range map[string]string{
		"ContainerClusterId": "cc-0001democluster", "ContainerResources.0.namespace": "database", "ContainerResources.0.pvc_name": "data-0",
		"ContainerResources.0.resourceId": "674dac6d-74cd-47e9-a675-09e2f10d2c45", "ContainerResources.0.pv_size": "8Gi",
	} {
		if got := form.Find(fmt.Sprintf("[name=%q]", name)).AttrOr("value", ""); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, address := range []string{"/?Kind=volumes", "/?Kind=volumes&Cluster=cc-0001democluster&Account=nowhere&Region=cn-hangzhou", "/?Kind=volumes&Cluster=x&Account=demo&Region=cn-hangzhou"} {
		if answer := w.ask("GET", address, "", ""); answer.Code != http.StatusNotFound {
			t.Errorf("%s: %d", address, answer.Code)
		}
	}
}
