package aliyun

import (
	"context"

	"backupportal/function/backup"
)

// CancelBackupJob asks for the end of a job (Cloud Backup, CancelBackupJob).
// Success means that the service took the request: the job stops a little later.
// Errors are [*backup.CloudError] values.
func (c *Client) CancelBackupJob(ctx context.Context, target backup.Target, jobID, vaultID string) error {
	op := operation{action: cancelBackupJob, target: target, params: []backup.Parameter{{Name: "JobId", Value: jobID}}}
	if vaultID != "" {
		op.params = append(op.params, backup.Parameter{Name: "VaultId", Value: vaultID})
	}
	if _, _, failed := c.perform(ctx, op); failed != nil {
		return failed
	}
	return nil
}
