package aliyun

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"backupportal/function/backup"
)

// linkedRole looks for the role with which Cloud Backup works (CheckRole).
func (l *ladder) linkedRole() {
	if l.target.Account.Access == backup.HBRCrossAccount {
		l.role("cross_linked_role", titleCrossLinked, CrossBackupService, "CrossAccountRole")
		return
	}
	if slices.Contains(l.uses.Sources, backup.UDMECS) {
		l.role("linked_role", titleLinked, instanceBackups, "UdmRole")
	}
}

func (l *ladder) role(id string, title backup.Text, service, kind string) {
	l.rung(id, title, func(r *backup.Rung) {
		_, _, failed := l.perform(l.ctx, operation{action: checkRole, target: l.target, params: []backup.Parameter{{Name: "CheckRoleType", Value: kind}}})
		heard(r, product+":"+checkRole, failed)
		switch {
		case failed == nil:
			r.Finding = both("It is there.", "已存在。")
		case slices.Contains(aboutRoles, failed.Code):
			finding := both("It is missing.", "缺失。")
			if service == instanceBackups {
				finding = both("It is missing. The first backup of an instance makes it, if the role has the permission ram:CreateServiceLinkedRole; it is safer to make it now.", "缺失。若角色有 ram:CreateServiceLinkedRole 权限，首次实例备份会自动创建；建议现在就创建。")
			}
			fail(r, finding, backup.Fix{
				Title: both("Make it in the account in which the backup is kept", "在保存备份的账号中创建"),
				// Resource Management, CreateServiceLinkedRole.
				Code: "aliyun resourcemanager CreateServiceLinkedRole --ServiceName " + service,
			})
		default:
			l.unexpected(r, failed)
		}
	})
}

// registered looks for the account among those that Cloud Backup knows
// (DescribeCrossAccounts), and whether it can take on the role there (CheckRole).
func (l *ladder) registered() {
	account := l.target.Account
	l.rung("registration", titleRegistered, func(r *backup.Rung) {
		known, failed := l.crossAccount()
		heard(r, product+":"+describeCrossAccounts, failed)
		switch {
		case failed != nil:
			l.unexpected(r, failed)
		case !known:
			fail(r, both("Cloud Backup does not know account "+account.ID+" with the role "+account.Role+".", "云备份未登记账号 "+account.ID+" 及其角色 "+account.Role+"。"), backup.Fix{
				Title: both("Register it, in the account in which the backup is kept", "在保存备份的账号中登记"),
				Code:  "aliyun hbr AddCrossAccount --CrossAccountUserId " + account.ID + " --CrossAccountRoleName " + account.Role + " --CrossAccountType CROSS_ACCOUNT --Alias " + account.Alias[:min(len(account.Alias), 32)],
			})
		default:
			r.Finding = both("The account is registered.", "该账号已登记。")
		}
	})
	l.rung("cross_role", titleCrossRole, func(r *backup.Rung) {
		_, _, failed := l.perform(l.ctx, operation{action: checkRole, target: l.target, params: []backup.Parameter{
			{Name: "CheckRoleType", Value: "CrossAccountRole"}, {Name: "CrossAccountUserId", Value: account.ID}, {Name: "CrossAccountRoleName", Value: account.Role},
		}})
		heard(r, product+":"+checkRole, failed)
		switch {
		case failed == nil:
			r.Finding = both("Cloud Backup may take it on.", "云备份可以扮演该角色。")
		case slices.Contains(aboutRoles, failed.Code):
			fail(r, both("Cloud Backup may not take on the role "+account.Role+" in account "+account.ID+", or there is none.", "云备份无法扮演账号 "+account.ID+" 中的角色 "+account.Role+"，或该角色不存在。"), backup.Fix{
				Title: both("In account "+account.ID+", let the role "+account.Role+" have this trust policy and the system policy AliyunHBRRolePolicy", "在账号 "+account.ID+" 中，将角色 "+account.Role+" 的信任策略改为以下内容，并授予系统策略 AliyunHBRRolePolicy"),
				Code:  ServiceTrustPolicy(CrossBackupService).Text(),
			})
		default:
			l.unexpected(r, failed)
		}
	})
}

// crossAccount reports whether the target is among the registered accounts.
func (l *ladder) crossAccount() (bool, *backup.CloudError) {
	for page := 1; page <= mostPages; page++ {
		a, r, failed := l.perform(l.ctx, operation{action: describeCrossAccounts, target: l.target, params: []backup.Parameter{
			{Name: "PageNumber", Value: strconv.Itoa(page)}, {Name: "PageSize", Value: strconv.Itoa(pageSize)},
		}})
		if failed != nil {
			return false, failed
		}
		var list struct {
			CrossAccounts struct {
				CrossAccount []struct {
					CrossAccountUserId   json.Number
					CrossAccountRoleName string
				}
			}
		}
		if json.Unmarshal(a.body, &list) != nil {
			return false, unread(describeCrossAccounts, a.status, r, "the list could not be read")
		}
		for _, x := range list.CrossAccounts.CrossAccount {
			if x.CrossAccountUserId.String() == l.target.Account.ID && strings.EqualFold(x.CrossAccountRoleName, l.target.Account.Role) {
				return true, nil
			}
		}
		if len(list.CrossAccounts.CrossAccount) < pageSize {
			return false, nil
		}
	}
	return false, unread(describeCrossAccounts, 0, reading{}, "too many pages")
}
