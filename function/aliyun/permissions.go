package aliyun

import (
	"encoding/json"
	"reflect"
	"slices"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/set"
)

// A RAMPolicy is a policy document of RAM: a trust policy, a permission policy or a session
// policy. Source: "Policy structure and syntax" in the RAM documentation.
type RAMPolicy struct {
	Version   string         `json:"Version"` // always "1"
	Statement []RAMStatement `json:"Statement"`
}

// A RAMStatement allows some actions. RAM refuses everything that no statement allows. This
// package makes no statements that deny.
type RAMStatement struct {
	Effect    string                         `json:"Effect"` // always "Allow"
	Action    []string                       `json:"Action"`
	Principal map[string][]string            `json:"Principal,omitempty"` // only in trust policies: "RAM" or "Service", and who
	Resource  []string                       `json:"Resource,omitempty"`  // only in other policies
	Condition map[string]map[string][]string `json:"Condition,omitempty"` // operator, key, values
}

// text returns the document as JSON on one line.
func (p RAMPolicy) text() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // cannot happen: strings, lists and maps only
	}
	return string(b)
}

// document returns a policy document of RAM with these statements. Without statements it allows
// nothing.
func document(statements ...RAMStatement) RAMPolicy {
	return RAMPolicy{Version: "1", Statement: append([]RAMStatement{}, statements...)}
}

// allow returns a statement that allows the actions on all resources. Cloud Backup cannot
// restrict actions to resources ("RAM authorization" in its documentation), and the listings of
// ECS always concern all resources.
func allow(actions ...string) RAMStatement {
	return RAMStatement{Effect: "Allow", Action: actions, Resource: []string{"*"}}
}

// allowLinkedRole returns a statement that allows creating the service-linked role of a
// service. The first backup of an instance in an account creates that role.
func allowLinkedRole(service string) RAMStatement {
	s := allow("ram:CreateServiceLinkedRole")
	s.Condition = map[string]map[string][]string{"StringEquals": {"ram:ServiceName": {service}}}
	return s
}

// instanceBackups is the name of the service that assumes the service-linked role
// AliyunServiceRoleForHbrEcsBackup.
const instanceBackups = "ecsbackup.hbr.aliyuncs.com"

// CrossBackupService is the name of the service that assumes the service-linked role
// AliyunServiceRoleForHbrCrossAccountBackup. For backups of other accounts, the service assumes
// roles in those accounts.
const CrossBackupService = "crossbackup.hbr.aliyuncs.com"

// permissions returns the statements that permit the operation. The name of the action consists
// of the service and the operation: "hbr:CreateBackupJob".
func permissions(a api, action string) []RAMStatement {
	all := []RAMStatement{allow(a.product + ":" + action)}
	if action == createBackupJob {
		all = append(all, allowLinkedRole(instanceBackups))
	}
	return all
}

// sessionPolicy returns the session policy for op as JSON. It allows only op's action, so that
// stolen credentials permit one operation only.
func (op operation) sessionPolicy() string {
	a := op.api
	if a.host == nil {
		a = cloudBackup
	}
	return document(permissions(a, op.action)...).text()
}

// operations returns the operations that the portal calls for an account with the capabilities
// u (what the portal's policy permits there). Only api and action of each result are set. For
// the access hbr_cross_account there are no ECS operations, because the portal has no role in
// the account of the instances.
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
	if slices.Contains(u.Seen, param.ECSFile) {
		add(cloudBackup, listProtectedResources)
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
		add(cloudBackup, describeContainerCluster, describeContainerResource)
	}
	if account.Access == backup.HBRCrossAccount {
		return all // the portal assumes no role in the account of the instances
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

// RolePolicy returns the permission policy for the role with which the portal calls the cloud
// for an account with the capabilities u. It has exactly the permissions that the portal needs.
func RolePolicy(account backup.Account, u backup.Capabilities) RAMPolicy {
	return SharedPolicy([]AccountCapabilities{{account, u}})
}

// TrustPolicy returns the trust policy of a role that the portal assumes, for one or more
// accounts. portal is the resource name (ARN) of the portal's own role or user. If all accounts
// have an external id, the policy requires one of these ids. External ids are secrets, so the
// text has "$" and the name of the environment variable instead. Source: STS, AssumeRole.
func TrustPolicy(portal string, accounts ...backup.Account) RAMPolicy {
	s := RAMStatement{
		Effect:    "Allow",
		Action:    []string{"sts:AssumeRole"},
		Principal: map[string][]string{"RAM": {portal}},
	}
	var ids []string
	for _, a := range accounts {
		if a.ExternalIDVariable == "" {
			return document(s) // a required external id would exclude this account
		}
		ids = set.Union(ids, "$"+a.ExternalIDVariable)
	}
	if ids != nil {
		s.Condition = map[string]map[string][]string{"StringEquals": {"sts:ExternalId": ids}}
	}
	return document(s)
}

// ServiceTrustPolicy returns the trust policy of a role that a service of the vendor assumes.
func ServiceTrustPolicy(service string) RAMPolicy {
	return document(RAMStatement{
		Effect:    "Allow",
		Action:    []string{"sts:AssumeRole"},
		Principal: map[string][]string{"Service": {service}},
	})
}

// An AccountCapabilities is an account with the operations that the portal performs there.
type AccountCapabilities struct {
	Account      backup.Account
	Capabilities backup.Capabilities
}

// FunctionPolicy returns the permission policy for the function's own role. It permits assuming
// the roles of accounts with the access assume_role. For all other accounts it permits the
// operations themselves.
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

// AllowInvoke returns a statement that allows invoking one function of Function Compute, in any region of the account.
func AllowInvoke(function string) RAMStatement {
	return RAMStatement{Effect: "Allow", Action: []string{"fc:InvokeFunction"}, Resource: []string{"acs:fc:*:*:functions/" + function}}
}

// AllowSend returns a statement that allows sending messages to one queue of MNS. Function Compute sends events whose attempts
// have all failed, with the role of the function.
func AllowSend(queue string) RAMStatement {
	return RAMStatement{Effect: "Allow", Action: []string{"mns:SendMessage"}, Resource: []string{"acs:mns:*:*:/queues/" + queue + "/messages"}}
}

// SharedPolicy returns the permission policy of a role that several accounts use. It has the
// permissions of all of them, each action once.
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

// Text returns the document as indented JSON, for people.
func (p RAMPolicy) Text() string {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		panic(err) // cannot happen: strings, lists and maps only
	}
	return string(b)
}
