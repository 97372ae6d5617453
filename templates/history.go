package templates

import (
	"context"
	"slices"
)

// seesOthers reports whether some of the rows are another person's.
func (s Shell) seesOthers(rows []Row) bool {
	return slices.ContainsFunc(rows, func(r Row) bool { return r.Record.Principal.Name != s.User })
}

func (p HistoryPage) heading(ctx context.Context) string {
	if p.seesOthers(p.Rows) {
		return in(ctx, wordVisible)
	}
	return in(ctx, wordMine)
}

// copied is how much the job has done, or a dash if nothing is known.
func (r Row) copied() string {
	if job := r.Record.Job; job.BytesDone > 0 || job.BytesTotal > 0 {
		return size(job.BytesDone)
	}
	return "–"
}
