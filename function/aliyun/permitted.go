package aliyun

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// Permitted calls CreateBackupJob without parameters. RAM decides before the service checks the
// parameters, so a refusal because of them means that the call is permitted. It implements
// [backup.Cloud].
func (c *Client) Permitted(ctx context.Context, target backup.Target) error {
	_, _, refused := c.perform(ctx, operation{action: createBackupJob, target: target})
	if refused == nil || isPermitted(refused) {
		return nil
	}
	return refused
}

// isPermitted reports whether a refused call without required parameters was permitted: the
// service refused the parameters, or a role is missing that has its own check.
func isPermitted(refused *backup.CloudError) bool {
	known, listed := meaningOf(refused.Code)
	return errors.Is(refused, backup.ErrRefused) && !isRAMRefusal(refused) &&
		(listed || refused.HTTPStatus != http.StatusForbidden) &&
		!strings.HasPrefix(refused.Code, "InvalidRegion") &&
		(!listed || known.caller || slices.Contains(missingRoleCodes, refused.Code))
}

// CheckRoles checks the roles that Cloud Backup assumes: for an account with access
// hbr_cross_account the registration and the role there, for an instance the service-linked
// role. The first refusal is the result; it has the code that CreateBackupJob would give, except
// that RoleNotExist only means that the first backup must create the role. It implements
// [backup.Cloud]. Source: Cloud Backup, CheckRole and DescribeCrossAccounts.
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

// checkRole makes one call of CheckRole.
func (c *Client) checkRole(ctx context.Context, target backup.Target, kind string, more ...param.Parameter) *backup.CloudError {
	params := append([]param.Parameter{{Name: "CheckRoleType", Value: kind}}, more...)
	_, _, failed := c.perform(ctx, operation{action: checkRole, target: target, params: params})
	return failed
}
