// Package alerts checks the alert rules and the dashboard with the libraries of Prometheus.
package alerts

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/util/teststorage"
)

// token is the METRICS_TOKEN of the tests.
const token = "metrics-token-of-32-characters-1"

// interval is the time between two scrapes.
const interval = 30 * time.Second

// A prometheus is a Prometheus server with a clock of its own. It scrapes a handler and evaluates the alert rules.
type prometheus struct {
	t       *testing.T
	storage *teststorage.TestStorage
	query   rules.QueryFunc
	alerts  []*rules.AlertingRule
	now     time.Time
	fired   map[string]bool // names of the alerts that have fired
}

// newPrometheus returns a server with the rules of docs/alerts.yaml. Its clock starts at start.
func newPrometheus(t *testing.T, start time.Time) *prometheus {
	t.Helper()
	storage := teststorage.New(t)
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 1_000_000, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true,
	})
	t.Cleanup(func() { _ = engine.Close() })
	return &prometheus{
		t: t, storage: storage, query: rules.EngineQueryFunc(engine, storage), alerts: readRules(t), now: start,
		fired: map[string]bool{},
	}
}

// readRules returns the rules of docs/alerts.yaml.
func readRules(t *testing.T) (all []*rules.AlertingRule) {
	t.Helper()
	expressions := parser.NewParser(parser.Options{})
	silent := slog.New(slog.DiscardHandler)
	groups, errs := rulefmt.ParseFile("../../docs/alerts.yaml", false, model.LegacyValidation, expressions, silent)
	if errs != nil {
		t.Fatal(errors.Join(errs...))
	}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			expr, err := expressions.ParseExpr(rule.Expr)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, rules.NewAlertingRule(rule.Alert, expr, time.Duration(rule.For), time.Duration(rule.KeepFiringFor),
				labels.FromMap(rule.Labels), labels.FromMap(rule.Annotations), labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler)))
		}
	}
	return all
}

// run advances the clock by d in steps of interval. In each step it calls do, unless do is nil, scrapes portal, and
// evaluates the rules.
func (p *prometheus) run(portal http.Handler, d time.Duration, do func()) {
	p.t.Helper()
	for end := p.now.Add(d); p.now.Before(end); p.now = p.now.Add(interval) {
		if do != nil {
			do()
		}
		p.scrape(portal)
		for _, rule := range p.alerts {
			if _, err := rule.Eval(p.t.Context(), 0, p.now, p.query, nil, 0); err != nil {
				p.t.Fatalf("%s: %v", rule.Name(), err)
			}
			for _, active := range rule.ActiveAlerts() {
				if active.State == rules.StateFiring {
					p.fired[rule.Name()] = true
				}
			}
		}
	}
}

// scrape stores the metrics of portal. Like Prometheus, it also stores the metric "up": 1 if portal answered with
// status 200, otherwise 0.
func (p *prometheus) scrape(portal http.Handler) {
	p.t.Helper()
	app := p.storage.Appender(p.t.Context())
	add := func(series labels.Labels, value float64) {
		series = labels.NewBuilder(series).Set("job", "backup-portal").Set("instance", "portal:443").Labels()
		if _, err := app.Append(0, series, p.now.UnixMilli(), value); err != nil {
			p.t.Fatal(err)
		}
	}
	answer := metricsOf(portal, token)
	up := 0.0
	if answer.Code == http.StatusOK {
		up = 1
		for series, value := range samples(p.t, answer) {
			add(series, value)
		}
	}
	add(labels.FromStrings("__name__", "up"), up)
	if err := app.Commit(); err != nil {
		p.t.Fatal(err)
	}
}

// metricsOf returns the answer of a portal to GET /metrics.
func metricsOf(portal http.Handler, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:9000/metrics", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	answer := httptest.NewRecorder()
	portal.ServeHTTP(answer, r)
	return answer
}

// samples iterates over the series of an answer, each with its value. Invalid text ends the test.
func samples(t *testing.T, answer *httptest.ResponseRecorder) func(yield func(labels.Labels, float64) bool) {
	text, err := textparse.New(answer.Body.Bytes(), answer.Header().Get("Content-Type"), nil, textparse.ParserOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(labels.Labels, float64) bool) {
		for {
			entry, err := text.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if entry != textparse.EntrySeries {
				continue
			}
			var series labels.Labels
			text.Labels(&series)
			if _, _, value := text.Series(); !yield(series, value) {
				return
			}
		}
	}
}
