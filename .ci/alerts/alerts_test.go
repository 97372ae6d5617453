package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/prometheus/promql/parser"

	"backupportal/function/backup"
	"backupportal/function/metric"
)

// states has, for each alert, a function that brings a portal into the state about which the alert warns, while server
// scrapes the portal. This alert must fire, and no other alert may fire.
var states = map[string]func(t *testing.T, p *portal, server *prometheus){
	"BackupPortalDown": func(t *testing.T, p *portal, server *prometheus) {
		server.run(p.web, 2*time.Minute, func() { p.sweep(server.now) })
		server.run(http.NotFoundHandler(), 7*time.Minute, nil)
	},
	"BackupPortalSweepStopped": func(t *testing.T, p *portal, server *prometheus) {
		server.run(p.web, 2*time.Minute, func() { p.sweep(server.now) })
		server.run(p.web, 32*time.Minute, nil)
	},
	"BackupPortalOutcomeUnknown": func(t *testing.T, p *portal, server *prometheus) {
		p.faults("CreateBackupJob: drop; DescribeBackupJobs2: refuse 403 NoPermission forever")
		p.mustSubmit(http.StatusAccepted)
		server.run(p.web, 22*time.Minute, func() { p.sweep(server.now) })
	},
	"BackupPortalBackupMissing": func(t *testing.T, p *portal, server *prometheus) {
		p.app.Service.Expectations = expected("i-bp1demoweb01")
		server.run(p.web, time.Minute, func() { p.sweep(server.now) })
	},
	"BackupPortalNoRecentBackup": func(t *testing.T, p *portal, server *prometheus) {
		p.mustSubmit(http.StatusCreated)
		p.jobsEnd()
		server.run(p.web, 10*time.Minute, func() { p.sweep(server.now) })
		server.now = server.now.Add(26 * time.Hour)
		server.run(p.web, 12*time.Minute, func() { p.sweep(server.now) })
	},
	"BackupPortalSubmissionsRefused": func(t *testing.T, p *portal, server *prometheus) {
		server.run(p.web, 2*time.Minute, func() { p.sweep(server.now) })
		p.faults("CreateBackupJob: refuse 404 VaultNotExist")
		if status := p.submit(); status < 400 {
			t.Fatalf("status %d", status)
		}
		server.run(p.web, 2*time.Minute, func() { p.sweep(server.now) })
	},
	"BackupPortalMessagesRejected": func(t *testing.T, p *portal, server *prometheus) {
		server.run(p.web, 2*time.Minute, func() { p.sweep(server.now) })
		const event = `{"triggerName":"nightly","triggerTime":"2026-11-23T01:00:00Z","payload":"{\"Retentoin\":1}"}`
		_, _ = p.app.Handlers.FC(t.Context(), []byte(event)) // an error for the platform
		server.run(p.web, time.Minute, func() { p.sweep(server.now) })
	},
	"BackupPortalCloudFailing": func(t *testing.T, p *portal, server *prometheus) {
		p.mustSubmit(http.StatusCreated)
		p.faults("DescribeBackupJobs2: throttle forever")
		server.run(p.web, 16*time.Minute, func() { p.sweep(server.now) })
	},
	"BackupPortalStoreFailing": func(t *testing.T, p *portal, server *prometheus) {
		server.run(p.web, 2*time.Minute, func() { p.sweep(server.now) })
		if err := p.app.Close(); err != nil {
			t.Fatal(err)
		}
		server.run(p.web, 12*time.Minute, func() { p.sweep(server.now) })
	},
	"BackupPortalOverloaded": func(t *testing.T, p *portal, server *prometheus) {
		server.run(p.web, 2*time.Minute, func() { p.sweep(server.now) })
		stuck := stuckCloud{p.app.Service.Cloud, make(chan struct{}), make(chan struct{})}
		p.app.Service.Cloud = stuck
		var submissions sync.WaitGroup
		for range maxRequests - 1 { // one slot is for reads
			submissions.Go(func() { p.submit() })
			<-stuck.entered
		}
		server.run(p.web, 8*time.Minute, func() {
			for range 3 {
				p.mustSubmit(http.StatusServiceUnavailable)
			}
		})
		close(stuck.end)
		submissions.Wait()
	},
	"BackupPortalErrors": func(t *testing.T, p *portal, server *prometheus) {
		p.app.Service.Cloud = panickingCloud{p.app.Service.Cloud}
		server.run(p.web, 13*time.Minute, func() { p.mustSubmit(http.StatusInternalServerError) })
	},
	"BackupPortalNoticesStuck": func(t *testing.T, p *portal, server *prometheus) {
		p.answers.Store(http.StatusInternalServerError)
		p.mustSubmit(http.StatusCreated)
		server.run(p.web, 72*time.Minute, func() { p.sweep(server.now) })
	},
}

// expected returns the expectation of a backup of one instance of the account demo every six hours.
func expected(instance string) *backup.Expectations {
	return &backup.Expectations{All: []backup.Expectation{{
		Name: "web", Account: "demo", Region: "cn-hangzhou", Instances: []string{instance}, Every: 6 * time.Hour,
	}}}
}

// A stuckCloud is a cloud whose calls of CreateBackupJob wait until the channel end is closed. Each call first sends
// to the channel entered.
type stuckCloud struct {
	backup.Cloud
	entered, end chan struct{}
}

// CreateBackupJob implements [backup.Cloud].
func (c stuckCloud) CreateBackupJob(ctx context.Context, call backup.Call) (backup.Created, error) {
	c.entered <- struct{}{}
	<-c.end
	return c.Cloud.CreateBackupJob(ctx, call)
}

// A panickingCloud is a cloud whose CreateBackupJob panics.
type panickingCloud struct{ backup.Cloud }

// CreateBackupJob implements [backup.Cloud].
func (panickingCloud) CreateBackupJob(context.Context, backup.Call) (backup.Created, error) {
	panic("a test")
}

func TestEachAlertFiresInItsStateOnly(t *testing.T) {
	var names []string
	for _, rule := range readRules(t) {
		names = append(names, rule.Name())
	}
	if got := slices.Sorted(maps.Keys(states)); !slices.Equal(got, slices.Sorted(slices.Values(names))) {
		t.Errorf("states of %v, rules %v", got, names)
	}
	for name, bring := range states {
		t.Run(name, func(t *testing.T) {
			server := newPrometheus(t, time.Now())
			bring(t, newPortal(t), server)
			if got := slices.Sorted(maps.Keys(server.fired)); !slices.Equal(got, []string{name}) {
				t.Errorf("fired: %v", got)
			}
		})
	}
}

// TestNoAlertFiresWhileThePortalWorks proves that no alert fires while the portal works for two hours, with a backup
// every ten minutes.
func TestNoAlertFiresWhileThePortalWorks(t *testing.T) {
	p, server := newPortal(t), newPrometheus(t, time.Now())
	p.mustSubmit(http.StatusCreated)
	p.jobsEnd()
	p.app.Service.Expectations = expected("i-bp1demoweb01")
	scrapes := 0
	server.run(p.web, 2*time.Hour, func() {
		if scrapes%20 == 0 {
			p.mustSubmit(http.StatusCreated)
			p.jobsEnd()
		}
		scrapes++
		p.sweep(server.now)
	})
	if len(server.fired) != 0 {
		t.Errorf("fired: %v", server.fired)
	}
}

// full returns a portal that writes at least one series of each metric, and the names of the series.
func full(t *testing.T) (p *portal, series map[string]bool) {
	t.Helper()
	p, series = newPortal(t), map[string]bool{"up": true}
	p.app.Service.Expectations = expected("i-bp1demoweb01")
	p.mustSubmit(http.StatusCreated)
	p.jobsEnd()
	_, _ = p.app.Handlers.FC(t.Context(), []byte(`7`)) // an invalid event, which the metric of rejections counts
	for range 2 {
		p.sweep(time.Now().Add(10 * time.Minute))
	}
	for labels := range samples(t, metricsOf(p.web, token)) {
		series[labels.Get("__name__")] = true
	}
	return p, series
}

// unused has the metrics that neither the dashboard nor a rule reads; the value is the reason.
var unused = map[string]string{}

// TestDashboardAndRulesReadTheMetrics proves that the dashboard and the rules read only metrics that the portal writes,
// and all metrics of the portal except those in unused.
func TestDashboardAndRulesReadTheMetrics(t *testing.T) {
	_, series := full(t)
	read := map[string]bool{}
	expressions := map[string]string{}
	for _, rule := range readRules(t) {
		expressions[rule.Name()] = rule.Query().String()
	}
	maps.Copy(expressions, dashboard(t))
	for where, text := range expressions {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			if selector, ok := node.(*parser.VectorSelector); ok {
				if !series[selector.Name] {
					t.Errorf("%s: the portal does not write %s", where, selector.Name)
				}
				read[selector.Name] = true
			}
			return nil
		})
	}
	for _, d := range metric.Described {
		used := read[d.Name] || read[d.Name+"_bucket"] || read[d.Name+"_count"]
		if used == (unused[d.Name] != "") {
			t.Errorf("%s: used %v, and unused %q", d.Name, used, unused[d.Name])
		}
	}
}

// dashboard returns the queries of docs/grafana-dashboard.json, by the title of the panel and the id of the query.
// Variables of Grafana are replaced by example values.
func dashboard(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var content struct {
		Title, UID string
		Templating struct{ List []struct{ Name string } }
		Panels     []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal(text, &content); err != nil {
		t.Fatal(err)
	}
	if content.Title == "" || content.UID == "" || len(content.Panels) == 0 {
		t.Fatal("no title, no uid or no panels")
	}
	known := []string{"__rate_interval"}
	for _, v := range content.Templating.List {
		known = append(known, v.Name)
	}
	for _, found := range regexp.MustCompile(`\$\{?(\w+)`).FindAllSubmatch(text, -1) {
		if name := string(found[1]); !slices.Contains(known, name) && name != "__all" {
			t.Errorf("the dashboard has no variable %s", name)
		}
	}
	values := strings.NewReplacer("$__rate_interval", "5m", "$job", ".*")
	all, ids := map[string]string{}, map[int]bool{}
	for _, panel := range content.Panels {
		if ids[panel.ID] || panel.GridPos.X+panel.GridPos.W > 24 || len(panel.Targets) == 0 {
			t.Errorf("panel %q: id %d is used twice, or it is too wide, or it has no query", panel.Title, panel.ID)
		}
		ids[panel.ID] = true
		for _, target := range panel.Targets {
			all[panel.Title+" "+target.RefID] = values.Replace(target.Expr)
		}
	}
	return all
}

// TestMetricsFollowTheConventions proves that the names and descriptions of the portal's metrics follow the
// conventions of Prometheus. Metrics of the Go runtime and the process are not checked, because a library names them.
func TestMetricsFollowTheConventions(t *testing.T) {
	p, _ := full(t)
	problems, err := promlint.New(bytes.NewReader(metricsOf(p.web, token).Body.Bytes())).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		if strings.HasPrefix(problem.Metric, "backup_portal_") {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
}
