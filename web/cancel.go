package web

import (
	"errors"
	"net/http"

	"backupportal/function/backup"
	"backupportal/templates"
)

// askCancel asks whether a job is really to be cancelled, if it still can be.
func (s *Server) askCancel(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("SubmissionId")
	record, err := s.Backups.Refresh(r.Context(), principal(r), id)
	if err != nil {
		return err
	}
	if !s.Backups.MayCancel(r.Context(), principal(r), record) {
		return backup.ErrNotFound
	}
	if err := record.Cancellable(s.Backups.Now()); err != nil {
		return afterCancel(w, r, id, &backup.BusyError{Err: err, SubmissionID: id})
	}
	return render(w, r, http.StatusOK, templates.Cancel(templates.CancelPage{Shell: s.shell(r), Row: s.row(record)}))
}

// cancelBackup has a job cancelled.
func (s *Server) cancelBackup(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("SubmissionId")
	_, err := s.Backups.Cancel(r.Context(), principal(r), id)
	return afterCancel(w, r, id, err)
}

// afterCancel leads to the job's page, which says how it stands: that it is
// being cancelled, or that it was over before.
func afterCancel(w http.ResponseWriter, r *http.Request, id string, err error) error {
	page := "/backups/" + id
	switch {
	case errors.Is(err, backup.ErrOver):
		page += "?late=1"
	case err != nil && !errors.Is(err, backup.ErrCancelled):
		return err
	}
	http.Redirect(w, r, page, http.StatusSeeOther)
	return nil
}
