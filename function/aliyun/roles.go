package aliyun

import (
	"context"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// CheckRoles checks that the roles exist which Cloud Backup itself assumes for a backup. For an
// account with the access hbr_cross_account it checks the registration of the account and the
// role there. For an instance it checks the service-linked role. It returns the first refusal,
// with the error code that CreateBackupJob would return. One code differs: RoleNotExist only
// means that the first backup must create the role. It implements [backup.Cloud]. Source: Cloud
// Backup, CheckRole and DescribeCrossAccounts.
func (c *Client) CheckRoles(ctx context.Context, target backup.Target, source param.SourceType) error {
	if account := target.Account; account.Access == backup.HBRCrossAccount {
		known, failed := (&checklist{Client: c, ctx: ctx, target: target}).crossAccount()
		if failed != nil {
			return failed
		}
		if failed := c.checkRole(ctx, target, "CrossAccountRole",
			param.Parameter{Name: "CrossAccountUserId", Value: account.ID},
			param.Parameter{Name: "CrossAccountRoleName", Value: account.Role},
		); failed != nil {
			return failed
		}
		if !known {
			op := operation{action: describeCrossAccounts}
			return op.refused("AssumeRoleFail", "the account is not registered in Cloud Backup")
		}
	}
	if source == param.UDMECS {
		if failed := c.checkRole(ctx, target, "UdmRole"); failed != nil {
			return failed
		}
	}
	return nil
}

// checkRole makes one call of CheckRole, with which Cloud Backup says whether a role exists.
// kind is the parameter CheckRoleType.
func (c *Client) checkRole(ctx context.Context, target backup.Target, kind string, more ...param.Parameter) *backup.CloudError {
	params := append([]param.Parameter{{Name: "CheckRoleType", Value: kind}}, more...)
	_, _, failed := c.perform(ctx, operation{action: checkRole, target: target, params: params})
	return failed
}
