package e2e

import (
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/storetest"
)

// BenchmarkHistory measures pages of a history of 100,000 submissions, as a person and as a program
// see them. It measures the first page and a late page, without filters, and with filters that
// match many or few submissions.
func BenchmarkHistory(b *testing.B) {
	benchBoth(b, func(b *testing.B, database string) {
		fillHistory(b, database)
		server := httptest.NewServer(connect(b, "http://127.0.0.1:1", io.Discard, "DATABASE_URL", database).Handlers.Web)
		b.Cleanup(server.Close)
		page500 := "before=" + cursorOfPage(b, server.URL, 500)
		for _, c := range []struct{ name, query string }{
			{"page 1", ""},
			{"page 500", page500},
			{"account, much", "Account=" + storetest.CommonAccount},
			{"account, little", "Account=" + storetest.RareAccount},
			{"account, long ago", "Account=" + storetest.OldAccount},
			{"kind, much", "SourceType=" + storetest.CommonSource},
			{"kind, little", "SourceType=" + storetest.RareSource},
			{"instance, much", "InstanceId=" + storetest.CommonResource},
			{"instance, little", "InstanceId=" + storetest.RareResource},
			{"mine", "Whose=mine"},
			{"days", "From=" + day(60) + "&To=" + day(30)},
			{"complete", "Status=COMPLETE"},
			{"complete, page 500", "Status=COMPLETE&" + page500},
			{"three states", "Status=FAILED,REFUSED,RUNNING"},
			{"complete of an instance", "Status=COMPLETE&InstanceId=" + storetest.RareResource},
			{"mine that failed", "Whose=mine&Status=FAILED"},
			{"mine, account, little", "Whose=mine&Account=" + storetest.RareAccount},
			{"all filters", "Whose=mine&Status=COMPLETE&Account=payments-central&SourceType=ECS_FILE&From=" + day(90) + "&To=" + day(1)},
			{"nothing to be seen", "Account=closed"}, // submissions match, but the reader may not see them
		} {
			b.Run(c.name, func(b *testing.B) { benchPage(b, server.URL+"/backups?"+c.query) })
		}
		for _, c := range []struct{ name, query string }{{"page 1", "limit=25"}, {"page 500", page500}, {"100 on page 1", "limit=100"}} {
			b.Run("JSON, "+c.name, func(b *testing.B) { benchPage(b, server.URL+"/api/v1/backup-jobs?"+c.query) })
		}
	})
}

func day(ago int) string { return time.Now().AddDate(0, 0, -ago).Format(time.DateOnly) }

// fillHistory creates the schema and the history in a database.
func fillHistory(b *testing.B, database string) {
	b.Helper()
	st, err := store.Open(store.Config{URL: secret.New(database)})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	if err := st.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	driver, source := "pgx", database
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, source = "sqlite", path
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	storetest.FillHistory(b, db, 100_000, time.Now())
	if driver == "pgx" { // autovacuum does this later
		if _, err := db.ExecContext(b.Context(), `VACUUM ANALYZE`); err != nil {
			b.Fatal(err)
		}
	}
}

// cursorOfPage reads the pages before the given page and returns the cursor with which the given
// page begins.
func cursorOfPage(b *testing.B, server string, page int) (cursor string) {
	b.Helper()
	for range page - 1 {
		res, err := http.Get(server + "/api/v1/backup-jobs?limit=25&before=" + cursor)
		if err != nil {
			b.Fatal(err)
		}
		var list struct{ Next string }
		err = json.NewDecoder(res.Body).Decode(&list)
		res.Body.Close()
		if err != nil || list.Next == "" {
			b.Fatalf("the list ends: %v", err)
		}
		cursor = list.Next
	}
	return cursor
}

func benchPage(b *testing.B, url string) {
	var took []time.Duration
	for b.Loop() {
		took = append(took, timed(b, http.MethodGet, url, "", ""))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
