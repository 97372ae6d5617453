package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/param"
	"backupportal/function/targetlist"
	"backupportal/templates"
)

// Numbers of rows on the pages of batches.
const (
	batchRows  = 50   // batches in the list
	failedRows = 50   // failed items on the page of a batch
	busyRows   = 20   // running items on the page of a batch
	itemRows   = 100  // items on a page of all items
	exportRows = 1000 // items that are read at once for an export
	namedRows  = 200  // submissions of the batch that are read for the names of their machines
)

// listBatches answers GET /batches. It shows the batches that the person made, the newest first.
func (s *Server) listBatches(w http.ResponseWriter, r *http.Request) error {
	all, err := s.Batches.List(r.Context(), principal(r), nil, batchRows)
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, templates.Batches(templates.BatchesPage{Shell: s.shell(r), Batches: all}))
}

// batchPage answers GET /batches/{BatchId}. It shows the progress of a batch. Query parameters:
//
//	part=live  only the part that changes, for the script, with an ETag
//	auto=1     the page reloads itself without the script
//	show=all   all items, from the one after the number in after
func (s *Server) batchPage(w http.ResponseWriter, r *http.Request) error {
	p, id, query := principal(r), r.PathValue("BatchId"), r.URL.Query()
	b, err := s.Batches.Find(r.Context(), p, id)
	if err != nil {
		return err
	}
	page := templates.BatchPage{Shell: s.shell(r), Batch: b, Auto: query.Get("auto") == "1"}
	if !b.IsTerminal() {
		page.Every = pollInterval(page.Now.Sub(b.CreatedAt))
	}
	if query.Get("show") == "all" {
		return s.allItems(w, r, page)
	}
	rows, err := s.rowsOf(r, b)
	if err != nil {
		return err
	}
	for states, to := range map[*[]batch.ItemState]*[]templates.BatchItem{&failedStates: &page.Failed, &busyStates: &page.Busy} {
		limit := failedRows
		if to == &page.Busy {
			limit = busyRows
		}
		items, err := s.Batches.Items(r.Context(), p, id, batch.ItemQuery{After: -1, Limit: limit, States: *states})
		if err != nil {
			return err
		}
		*to = withRows(items, rows)
	}
	if query.Get("part") == "live" {
		return renderTagged(w, r, templates.LiveBatch(page))
	}
	if page.Auto && page.Every > 0 {
		w.Header().Set("Refresh", "10")
	}
	return render(w, r, http.StatusOK, templates.BatchStatus(page))
}

// failedStates are the states of items that ended without a complete backup, apart from skipped ones. busyStates are
// those of items with a backup in progress.
var (
	failedStates = []batch.ItemState{batch.ItemFailed, batch.ItemRefused, batch.ItemCancelled, batch.ItemPartial}
	busyStates   = []batch.ItemState{batch.ItemStarting, batch.ItemUnknown, batch.ItemRunning}
)

// allItems renders one page of all items of a batch.
func (s *Server) allItems(w http.ResponseWriter, r *http.Request, page templates.BatchPage) error {
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil || after < 0 || after >= page.Batch.Total {
		after = -1
	}
	items, err := s.Batches.Items(r.Context(), principal(r), page.Batch.ID, batch.ItemQuery{After: after, Limit: itemRows})
	if err != nil {
		return err
	}
	rows, err := s.rowsOf(r, page.Batch)
	if err != nil {
		return err
	}
	page.All = withRows(items, rows)
	if n := len(items); n == itemRows && items[n-1].N+1 < page.Batch.Total {
		page.Next = batchPagesPath + "/" + page.Batch.ID + "?" + url.Values{"show": {"all"}, "after": {strconv.Itoa(items[n-1].N)}}.Encode()
	}
	return render(w, r, http.StatusOK, templates.BatchItems(page))
}

// rowsOf returns the newest submissions of the sender of b since its creation, by id. They have the names of the
// machines and the progress of the jobs.
func (s *Server) rowsOf(r *http.Request, b batch.Batch) (map[string]templates.Row, error) {
	list, err := s.Backups.List(r.Context(), principal(r), backup.Query{
		Principal: b.Principal.ID(), From: b.CreatedAt, Limit: namedRows,
	})
	rows := map[string]templates.Row{}
	for _, record := range list.Records {
		rows[record.SubmissionID] = s.row(record)
	}
	return rows, err
}

// withRows returns items with their submissions.
func withRows(items []batch.Item, rows map[string]templates.Row) []templates.BatchItem {
	all := make([]templates.BatchItem, len(items))
	for i, item := range items {
		all[i].Item = item
		if row, ok := rows[item.SubmissionID]; ok {
			all[i].Row = &row
		}
	}
	return all
}

// renderTagged answers with a part of a page and an ETag of its content.
func renderTagged(w http.ResponseWriter, r *http.Request, part templ.Component) error {
	var b bytes.Buffer
	if err := part.Render(r.Context(), &b); err != nil {
		return err
	}
	sum := sha256.Sum256(b.Bytes())
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	w.Header().Set("ETag", tag)
	if matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(templates.Language(r.Context())))
	return write(w, r, http.StatusOK, b.Bytes())
}

// batchButton returns the handler of a button that pauses, resumes or cancels a batch. It redirects to the batch, also
// if there is nothing to change: the page shows the state.
func (s *Server) batchButton(change func(*batch.Service, *http.Request, string) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id := r.PathValue("BatchId")
		if err := change(s.Batches, r, id); err != nil && !errors.Is(err, batch.ErrEnded) {
			return err
		}
		http.Redirect(w, r, batchPagesPath+"/"+url.PathEscape(id), http.StatusSeeOther)
		return nil
	}
}

// pressPause, pressResume and pressCancel are the changes that [Server.batchButton] makes.
func pressPause(b *batch.Service, r *http.Request, id string) error {
	_, err := b.Pause(r.Context(), principal(r), id)
	return err
}

func pressResume(b *batch.Service, r *http.Request, id string) error {
	_, err := b.Resume(r.Context(), principal(r), id)
	return err
}

func pressCancel(b *batch.Service, r *http.Request, id string) error {
	_, err := b.Cancel(r.Context(), principal(r), id)
	return err
}

// askCancelBatch answers GET /batches/{BatchId}/cancel: it asks for confirmation.
func (s *Server) askCancelBatch(w http.ResponseWriter, r *http.Request) error {
	b, err := s.Batches.Find(r.Context(), principal(r), r.PathValue("BatchId"))
	if err != nil {
		return err
	}
	if b.State == batch.StateCancelled || b.State == batch.StateEnded {
		http.Redirect(w, r, batchPagesPath+"/"+b.ID, http.StatusSeeOther)
		return nil
	}
	return render(w, r, http.StatusOK, templates.CancelBatch(templates.BatchPage{Shell: s.shell(r), Batch: b}))
}

// againBatch answers POST /batches/{BatchId}/again: it opens the form for a new batch of the items that have no complete
// backup, with the values of the batch.
func (s *Server) againBatch(w http.ResponseWriter, r *http.Request) error {
	b, err := s.Batches.Find(r.Context(), principal(r), r.PathValue("BatchId"))
	if err != nil {
		return err
	}
	states := append(slices.Clone(failedStates), batch.ItemSkipped)
	var rows []templates.TargetRow
	names, err := s.rowsOf(r, b)
	if err != nil {
		return err
	}
	for after := -1; ; {
		items, err := s.Batches.Items(r.Context(), principal(r), b.ID, batch.ItemQuery{After: after, Limit: exportRows, States: states})
		if err != nil {
			return err
		}
		for _, item := range withRows(items, names) {
			row := templates.TargetRow{Params: param.Params{}, Name: item.Name()}
			for _, name := range []string{"Account", "Region", "InstanceId"} {
				row.Params[name] = item.Params[name]
			}
			rows = append(rows, row)
		}
		if len(items) < exportRows {
			break
		}
		after = items[len(items)-1].N
	}
	if len(rows) == 0 {
		http.Redirect(w, r, batchPagesPath+"/"+b.ID, http.StatusSeeOther)
		return nil
	}
	values := formValues(b.Common.WithoutNotes()) // the reason and the ticket are asked again
	expandCombined(values)
	values["SourceType"] = string(b.Common.SourceType())
	kept := templates.Values{keptFrom: string(templates.OriginAgain), keptText: packTargets(rows)}
	return s.keepTargets(w, r, kept, values)
}

// exportColumns are the columns of the export of a batch.
var exportColumns = []string{"N", "Account", "Region", "InstanceId", "SourceType", "State", "SubmissionId", "Attempts", "Code", "Reason", "UpdatedAt"}

// exportBatch answers GET /batches/{BatchId}/items.csv. It returns all items as a table for spreadsheets.
func (s *Server) exportBatch(w http.ResponseWriter, r *http.Request) error {
	b, err := s.Batches.Find(r.Context(), principal(r), r.PathValue("BatchId"))
	if err != nil {
		return err
	}
	var table [][]string
	for after := -1; ; {
		items, err := s.Batches.Items(r.Context(), principal(r), b.ID, batch.ItemQuery{After: after, Limit: exportRows})
		if err != nil {
			return err
		}
		for _, item := range items {
			reason := ""
			if len(item.Reasons) > 0 {
				reason = item.Reasons[0].In(templates.Language(r.Context()))
			}
			p := item.Params
			table = append(table, []string{
				strconv.Itoa(item.N), p["Account"], p["Region"], p["InstanceId"], string(p.SourceType()), string(item.State), item.SubmissionID,
				strconv.Itoa(item.Attempts), item.Code, reason, item.UpdatedAt.UTC().Format(time.RFC3339),
			})
		}
		if len(items) < exportRows {
			break
		}
		after = items[len(items)-1].N
	}
	var out bytes.Buffer
	if err := targetlist.Write(&out, exportColumns, table); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="batch-`+b.ID+`.csv"`)
	return write(w, r, http.StatusOK, out.Bytes())
}
