package emulator

import (
	"slices"
	"strings"
)

// otherRegions are region ids of the vendor's that [regionNames] has no name for.
var otherRegions = []string{
	"cn-nanjing", "cn-fuzhou", "cn-wuhan-lr", "cn-zhongwei", "cn-hangzhou-finance", "cn-shanghai-finance-1",
	"cn-shenzhen-finance-1", "cn-beijing-finance-1", "cn-north-2-gov-1", "ap-south-1", "ap-southeast-2", "ap-southeast-6",
	"na-south-1", "me-central-1",
}

// isRegion tells a region id of the vendor's. A shape would let misspelt ones
// through, and every call there would end in an error that does not say why.
func isRegion(id string) bool {
	_, named := regionNames[id]
	return named || slices.Contains(otherRegions, id)
}

// otherActions are actions of RAM that real policies next to Cloud Backup have
// and that no row of [operations] stands for.
var otherActions = strings.Fields(`
	ram:CreateServiceLinkedRole ram:DeleteServiceLinkedRole ram:PassRole ram:GetRole ram:ListRoles
	sts:SetSourceIdentity
	hbr:CreateRestoreJob hbr:DescribeRestoreJobs2 hbr:CancelRestoreJob
	hbr:CreateVault hbr:UpdateVault hbr:DeleteVault hbr:DeleteSnapshot hbr:SearchHistoricalSnapshots
	hbr:CreateBackupPlan hbr:UpdateBackupPlan hbr:DeleteBackupPlan hbr:DescribeBackupPlans hbr:ExecuteBackupPlan
	hbr:CreateClients hbr:InstallBackupClients hbr:UninstallBackupClients hbr:DeleteCrossAccount
	ecs:CreateSnapshot ecs:DeleteSnapshot ecs:DescribeSnapshots ecs:CopySnapshot
	ecs:CreateSnapshotGroup ecs:DeleteSnapshotGroup ecs:DescribeSnapshotGroups
	ecs:CreateDisk ecs:AttachDisk ecs:DetachDisk ecs:DeleteDisk
	ecs:RunCommand ecs:InvokeCommand ecs:CreateCommand ecs:DeleteCommand ecs:DescribeCommands ecs:StopInvocation
	ecs:DescribeInvocations ecs:DescribeInvocationResults ecs:DescribeCloudAssistantStatus
	ecs:AttachInstanceRamRole ecs:DetachInstanceRamRole ecs:DescribeInstanceRamRole ecs:DescribeInstanceAttribute
	ecs:StartInstance ecs:StopInstance ecs:RebootInstance ecs:RunInstances ecs:DeleteInstance
`)

// isAction reports whether an action can be one. Only words without a wildcard,
// of products that this emulator plays a part of, can be told to be misspelt.
// RAM does not look at their case.
func isAction(action string) bool {
	product, _, _ := strings.Cut(strings.ToLower(action), ":")
	if !slices.Contains([]string{"hbr", "sts", "ecs", "ram"}, product) || strings.ContainsAny(action, "*?") {
		return true
	}
	same := func(other string) bool { return strings.EqualFold(action, other) }
	return slices.ContainsFunc(otherActions, same) ||
		slices.ContainsFunc(operations, func(op operation) bool { return same(op.product + ":" + op.action) })
}

// accountOf finds an account of the world, or nil.
func (c *checker) accountOf(id string) *Account {
	return first(c.world.Accounts, func(a *Account) bool { return a.ID == id })
}

// principal wants a user or role that is in its account, if that account is in
// this world: any other would let nobody in.
func (c *checker) principal(of, arn string) {
	m := principalShape.FindStringSubmatch(arn)
	if m == nil {
		return // which is reported as such
	}
	a := c.accountOf(m[1])
	kind, name, _ := strings.Cut(m[2], "/")
	if a == nil || kind == "root" {
		return
	}
	same := func(other string) bool { return strings.EqualFold(name, other) }
	// The name of a user passes for a role's: that it is no role is what tests of
	// a trust in the wrong kind are about, and no misspelling.
	there := slices.ContainsFunc(a.Users, func(u User) bool { return same(u.Name) })
	if kind == "role" {
		there = there || isLinkedRole(name) || a.role(name) != nil
	}
	if !there {
		c.wrong("%s: account %s has no %s %q", of, a.ID, kind, name)
	}
}

// statementProblems has all that [Statement.check] objects to, which ends at the
// first: each part is put into a statement that is right otherwise.
func statementProblems(s Statement) []error {
	right := func() Statement { return Statement{Effect: "Allow", Actions: []string{"*"}} }
	effect, conditions := right(), right()
	effect.Effect, conditions.Conditions = s.Effect, s.Conditions
	parts := []Statement{effect, conditions}
	if (len(s.Actions) == 0) == (len(s.NotActions) == 0) {
		parts = append(parts, Statement{Effect: "Allow", Actions: s.Actions, NotActions: s.NotActions})
	}
	for _, a := range slices.Concat(s.Actions, s.NotActions) {
		parts = append(parts, Statement{Effect: "Allow", Actions: []string{a}})
	}
	var problems []error
	for _, part := range parts {
		if err := part.check(); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}
