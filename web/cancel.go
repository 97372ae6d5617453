package web

import (
	"errors"
	"net/http"

	"backupportal/function/backup"
	"backupportal/templates"
)

// askCancel answers GET …/cancel: it asks for confirmation, if the job can still be cancelled.
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

// cancelBackup answers POST …/cancel: it cancels the job.
func (s *Server) cancelBackup(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("SubmissionId")
	_, err := s.Backups.Cancel(r.Context(), principal(r), id)
	return afterCancel(w, r, id, err)
}

// afterCancel redirects to the submission's page, which shows the result of the cancellation. If
// the job had ended before, the address has late=1. Other errors are returned.
func afterCancel(w http.ResponseWriter, r *http.Request, id string, err error) error {
	page := pagePath(id)
	switch {
	case errors.Is(err, backup.ErrJobEnded):
		page += "?late=1"
	case err != nil && !errors.Is(err, backup.ErrCancelled):
		return err
	}
	http.Redirect(w, r, page, http.StatusSeeOther)
	return nil
}
