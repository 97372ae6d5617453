package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"backupportal/function/backup"
	"backupportal/function/draft"
)

var _ draft.Store = (*DB)(nil)

// insertDraft adds a draft. Its time is after that of the owner's newest draft, so that the
// newest draft from a page is known even if the clock stands still.
const insertDraft = `
INSERT INTO draft (id, owner, page, held, checked, signed_out, interim, submission_id, saved_ms)
SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT), CAST($6 AS BIGINT),
	CAST($7 AS BIGINT), '', CASE WHEN COALESCE(MAX(saved_ms), 0) < CAST($8 AS BIGINT) THEN CAST($8 AS BIGINT) ELSE MAX(saved_ms) + 1 END
FROM draft WHERE owner = CAST($2 AS TEXT)`

const deleteInterim = `DELETE FROM draft WHERE owner = $1 AND page = $2 AND interim = 1`

// deleteSurplus removes the drafts of $1 that are older than the newest $2 of them.
const deleteSurplus = `
DELETE FROM draft WHERE owner = $1 AND saved_ms <= (
	SELECT saved_ms FROM draft WHERE owner = $1 ORDER BY saved_ms DESC LIMIT 1 OFFSET CAST($2 AS BIGINT))`

// draftColumns are the columns of a draft, in the order of [DB.oneDraft].
const draftColumns = `id, owner, page, held, checked, signed_out, interim, submission_id, saved_ms`

const (
	selectDraft = `SELECT ` + draftColumns + ` FROM draft WHERE id = $1 AND owner = $2 AND saved_ms > $3`

	selectNewestFrom = `SELECT ` + draftColumns + ` FROM draft
WHERE owner = $1 AND page = $2 AND saved_ms > $3 ORDER BY saved_ms DESC LIMIT 1`

	selectNewestDraft = `SELECT ` + draftColumns + ` FROM draft
WHERE owner = $1 AND submission_id = '' AND saved_ms > $2 ORDER BY saved_ms DESC LIMIT 1`

	updateDraft = `UPDATE draft SET submission_id = $3, held = '' WHERE id = $1 AND owner = $2 AND submission_id = ''`

	deleteDraft = `DELETE FROM draft WHERE owner = $1 AND (id = $2 OR page = $2)`

	deleteDrafts = `DELETE FROM draft WHERE saved_ms <= $1`
)

// SaveDraft stores a new draft: the values of one post of the form. It implements
// [draft.Store]. It runs in one transaction.
func (d *DB) SaveDraft(ctx context.Context, n draft.Draft) error {
	held, err := json.Marshal(n.Values)
	if err != nil {
		return err
	}
	if len(held) > draft.MaxBytes {
		return fmt.Errorf("store: a draft of %d bytes: at most %d", len(held), draft.MaxBytes)
	}
	args := []any{
		n.ID, n.Owner, n.Page, string(held), bit(n.Checked), bit(n.SignedOut), bit(n.Interim), ms(n.SavedAt),
	}
	if err := checkTexts(args); err != nil {
		return err
	}
	return d.write(ctx, "save a draft", func(ctx context.Context) error {
		tx, err := d.writes.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, deleteInterim, n.Owner, n.Page); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, insertDraft, args...); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, deleteSurplus, n.Owner, draft.PerPerson); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// bit returns a boolean as both databases store it.
func bit(v bool) int64 {
	if v {
		return 1
	}
	return 0
}

// FindDraft returns a draft of a person. It implements [draft.Store].
func (d *DB) FindDraft(ctx context.Context, owner, id string, since time.Time) (draft.Draft, error) {
	return d.oneDraft(ctx, selectDraft, id, owner, ms(since))
}

// NewestDraft returns the newest draft that a person posted from a page. It implements
// [draft.Store].
func (d *DB) NewestDraft(ctx context.Context, owner, page string, since time.Time) (draft.Draft, error) {
	if page == "" {
		return d.oneDraft(ctx, selectNewestDraft, owner, ms(since))
	}
	return d.oneDraft(ctx, selectNewestFrom, owner, page, ms(since))
}

// oneDraft returns the draft that a statement finds, or [backup.ErrNotFound].
func (d *DB) oneDraft(ctx context.Context, statement string, args ...any) (n draft.Draft, err error) {
	if checkTexts(args) != nil {
		return n, backup.ErrNotFound
	}
	err = d.do(ctx, "find a draft", func(ctx context.Context) error {
		n = draft.Draft{}
		var held string
		var checked, signedOut, interim, saved int64
		err := d.db.QueryRowContext(ctx, statement, args...).
			Scan(&n.ID, &n.Owner, &n.Page, &held, &checked, &signedOut, &interim, &n.SubmissionID, &saved)
		if errors.Is(err, sql.ErrNoRows) {
			return backup.ErrNotFound
		}
		if err != nil {
			return err
		}
		n.Checked, n.SignedOut, n.Interim, n.SavedAt = checked == 1, signedOut == 1, interim == 1, fromMillis(saved)
		if held == "" {
			return nil
		}
		return json.Unmarshal([]byte(held), &n.Values)
	})
	return n, err
}

// SubmitDraft stores which submission was made from a draft, and removes the draft's values. It
// implements [draft.Store].
func (d *DB) SubmitDraft(ctx context.Context, owner, id, submissionID string) error {
	return d.changeDrafts(ctx, "submit a draft", updateDraft, id, owner, submissionID)
}

// DiscardDraft removes a draft and the drafts that were posted from its form. It implements
// [draft.Store].
func (d *DB) DiscardDraft(ctx context.Context, owner, id string) error {
	return d.changeDrafts(ctx, "discard a draft", deleteDraft, owner, id)
}

// ForgetDrafts removes expired drafts of all people. It implements [draft.Store].
func (d *DB) ForgetDrafts(ctx context.Context, before time.Time) error {
	return d.changeDrafts(ctx, "forget drafts", deleteDrafts, ms(before))
}

// changeDrafts runs one statement that changes drafts.
func (d *DB) changeDrafts(ctx context.Context, what, statement string, args ...any) error {
	if err := checkTexts(args); err != nil {
		return err
	}
	return d.write(ctx, what, func(ctx context.Context) error {
		_, err := d.writes.ExecContext(ctx, statement, args...)
		return err
	})
}
