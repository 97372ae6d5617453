package aliyun

import (
	"encoding/json"
	"reflect"
	"slices"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/set"
)

// A RAMPolicy is a policy document of RAM: the trust policy of a role, or what it,
// or a session of it, may do ("Policy structure and syntax" of the RAM
// documentation).
type RAMPolicy struct {
	Version   string         `json:"Version"` // always "1"
	Statement []RAMStatement `json:"Statement"`
}

// A RAMStatement allows actions. What no statement allows is refused; no document
// of ours denies anything.
type RAMStatement struct {
	Effect    string                         `json:"Effect"` // always "Allow"
	Action    []string                       `json:"Action"`
	Principal map[string][]string            `json:"Principal,omitempty"` // of trust policies: "RAM" or "Service"
	Resource  []string                       `json:"Resource,omitempty"`  // of the other policies
	Condition map[string]map[string][]string `json:"Condition,omitempty"` // operator, key, values
}

// text writes the document on one line.
func (p RAMPolicy) text() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // there is nothing in it that JSON has not
	}
	return string(b)
}

func document(statements ...RAMStatement) RAMPolicy {
	return RAMPolicy{Version: "1", Statement: append([]RAMStatement{}, statements...)}
}

// allow is a statement about everything: Cloud Backup authorises by operation alone
// (its page "RAM authorization"), and ECS's lists are of all that there is.
func allow(actions ...string) RAMStatement {
	return RAMStatement{Effect: "Allow", Action: actions, Resource: []string{"*"}}
}

// makeLinkedRole allows the caller of a service to have the role made with which
// the service works in an account, as the first backup of an instance does.
func makeLinkedRole(service string) RAMStatement {
	s := allow("ram:CreateServiceLinkedRole")
	s.Condition = map[string]map[string][]string{"StringEquals": {"ram:ServiceName": {service}}}
	return s
}

// instanceBackups is the service behind the role AliyunServiceRoleForHbrEcsBackup.
const instanceBackups = "ecsbackup.hbr.aliyuncs.com"

// CrossBackupService is the service behind AliyunServiceRoleForHbrCrossAccountBackup,
// which takes on roles in other accounts.
const CrossBackupService = "crossbackup.hbr.aliyuncs.com"

// permissions is what an operation needs of RAM. The actions are named like the
// operations.
func permissions(a api, action string) []RAMStatement {
	all := []RAMStatement{allow(a.product + ":" + action)}
	if action == createBackupJob {
		all = append(all, makeLinkedRole(instanceBackups))
	}
	return all
}

// sessionPolicy narrows credentials to the operation.
func (op operation) sessionPolicy() string {
	a := op.api
	if a.host == nil {
		a = cloudBackup
	}
	return document(permissions(a, op.action)...).text()
}

// operations are those that the portal calls in an account for what the policy
// has it do there.
func operations(account backup.Account, u backup.Capabilities) (all []operation) {
	add := func(a api, actions ...string) {
		for _, action := range actions {
			all = append(all, operation{api: a, action: action})
		}
	}
	if u.Create {
		add(cloudBackup, createBackupJob)
	}
	if u.Cancel {
		add(cloudBackup, cancelBackupJob)
	}
	if u.View {
		add(cloudBackup, describeBackupJobs2)
	}
	if slices.Contains(u.Seen, param.UDMECS) {
		add(cloudBackup, describeUdmSnapshots)
	}
	if u.Create && (account.Access == backup.HBRCrossAccount || slices.Contains(u.Sources, param.UDMECS)) {
		add(cloudBackup, checkRole)
	}
	if u.Create && account.Access == backup.HBRCrossAccount {
		add(cloudBackup, describeCrossAccounts)
	}
	if slices.Contains(u.Sources, param.ECSFile) || slices.Contains(u.Sources, param.Container) {
		add(cloudBackup, describeVaults)
	}
	if slices.Contains(u.Sources, param.Container) {
		add(cloudBackup, describeContainerCluster)
	}
	if account.Access == backup.HBRCrossAccount {
		return all // the instances are in an account that the portal does not enter
	}
	if slices.Contains(u.Sources, param.ECSFile) {
		add(cloudBackup, describeBackupClients)
	}
	if slices.Contains(u.Sources, param.UDMECS) || slices.Contains(u.Sources, param.ECSFile) || u.Tags {
		add(ecs, describeInstances)
	}
	if slices.Contains(u.Sources, param.UDMECS) {
		add(ecs, describeDisks)
	}
	return all
}

// RolePolicy is what the portal needs in an account: of its own role there, or of
// the role that it takes on. Nothing less will do, and it needs nothing more.
func RolePolicy(account backup.Account, u backup.Capabilities) RAMPolicy {
	return SharedPolicy([]AccountCapabilities{{account, u}})
}

// TrustPolicy lets the portal take on the role that accounts share (STS, AssumeRole).
// In place of each external id, which is a secret, it has the name of the variable
// that holds it, after a dollar sign.
func TrustPolicy(portal string, accounts ...backup.Account) RAMPolicy {
	s := RAMStatement{
		Effect:    "Allow",
		Action:    []string{"sts:AssumeRole"},
		Principal: map[string][]string{"RAM": {portal}},
	}
	var ids []string
	for _, a := range accounts {
		if a.ExternalIDVariable == "" {
			return document(s) // one of them comes without
		}
		ids = set.Union(ids, "$"+a.ExternalIDVariable)
	}
	if ids != nil {
		s.Condition = map[string]map[string][]string{"StringEquals": {"sts:ExternalId": ids}}
	}
	return document(s)
}

// ServiceTrustPolicy lets a service of the vendor take on a role.
func ServiceTrustPolicy(service string) RAMPolicy {
	return document(RAMStatement{
		Effect:    "Allow",
		Action:    []string{"sts:AssumeRole"},
		Principal: map[string][]string{"Service": {service}},
	})
}

// An AccountCapabilities is an account, and what the portal does there.
type AccountCapabilities struct {
	Account      backup.Account
	Capabilities backup.Capabilities
}

// FunctionPolicy is what the role of the function itself needs: to take on the
// roles of other accounts, and what it does in its own.
func FunctionPolicy(accounts []AccountCapabilities) RAMPolicy {
	var roles []string
	var own []AccountCapabilities
	for _, a := range accounts {
		if caller := a.Account.Caller(); caller.Access == backup.AssumeRole {
			roles = set.Union(roles, caller.RoleARN())
		} else {
			own = append(own, a)
		}
	}
	p := SharedPolicy(own)
	if len(roles) > 0 {
		p.Statement = append(p.Statement, RAMStatement{
			Effect:   "Allow",
			Action:   []string{"sts:AssumeRole"},
			Resource: roles,
		})
	}
	return p
}

// SharedPolicy is what a role needs that is used for several accounts.
func SharedPolicy(accounts []AccountCapabilities) RAMPolicy {
	var plain []string
	var special []RAMStatement
	for _, a := range accounts {
		for _, op := range operations(a.Account, a.Capabilities) {
			for _, s := range permissions(op.api, op.action) {
				if s.Condition == nil {
					plain = set.Union(plain, s.Action...)
				} else if !slices.ContainsFunc(special, func(known RAMStatement) bool {
					return reflect.DeepEqual(known, s)
				}) {
					special = append(special, s)
				}
			}
		}
	}
	if len(plain) > 0 {
		special = append([]RAMStatement{allow(plain...)}, special...)
	}
	return document(special...)
}

// Text writes the document for people, with line breaks.
func (p RAMPolicy) Text() string {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		panic(err) // there is nothing in it that JSON has not
	}
	return string(b)
}
