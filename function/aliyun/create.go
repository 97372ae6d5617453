package aliyun

import (
	"context"

	"backupportal/function/backup"
)

// CreateBackupJob starts a backup (Cloud Backup, CreateBackupJob). It makes
// one request, or a second one if the first was refused for credentials that
// had been kept. Errors are [*backup.CloudError] values.
func (c *Client) CreateBackupJob(ctx context.Context, call backup.Call) (backup.Created, error) {
	op := operation{action: createBackupJob, target: call.Target, params: call.Params.Parameters(), until: call.Until}
	a, r, failed := c.perform(ctx, op)
	if failed != nil {
		return backup.Created{}, failed
	}
	if r.jobID == "" {
		return backup.Created{}, &backup.CloudError{Action: createBackupJob, Outcome: backup.ErrUnknownOutcome,
			HTTPStatus: a.status, RequestID: r.requestID, Cause: "success without a job id"}
	}
	return backup.Created{JobID: r.jobID, RequestID: r.requestID}, nil
}
