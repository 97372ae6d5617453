package world

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/lifecycle"
	"backupportal/function/emulator/ram"
)

// Check returns every mistake in a world (the description of the emulated accounts), joined
// into one error, or nil. It checks the world as it was written, before defaults are set.
func (w *World) Check() error {
	c := checker{world: w, ids: map[string]bool{}}
	if len(w.Regions) == 0 {
		c.report("a world needs at least one region")
	}
	for _, r := range w.Regions {
		if !isRegion(r) {
			c.report("regions: %q is not a region id of Alibaba Cloud", r)
		}
		c.unique("region", r)
	}
	c.duration("job_duration", w.JobDuration)
	if len(w.Accounts) == 0 {
		c.report("a world needs at least one account")
	}
	for i := range w.Accounts {
		c.account(&w.Accounts[i])
	}
	return errors.Join(c.problems...)
}

// A checker collects mistakes. As in the real cloud, two resources of one kind must not have
// the same id, also not in different accounts; case is ignored. The parameter subject of its
// methods is the beginning of a message: the account or resource with the mistake.
type checker struct {
	world    *World
	ids      map[string]bool // kind and id that were seen, in lower case
	problems []error
}

// report records a mistake; the check continues.
func (c *checker) report(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf(format, args...))
}

// unique reports an id that was seen before for the same kind. Case is ignored.
func (c *checker) unique(kind, id string) {
	key := kind + " " + strings.ToLower(id)
	if c.ids[key] {
		c.report("%s %q: stands twice", kind, id)
	}
	c.ids[key] = true
}

// id reports an id with a wrong prefix or characters, and a duplicate id of the same kind.
func (c *checker) id(kind, prefix, id string) {
	if !strings.HasPrefix(id, prefix) || !ResourceID.MatchString(id) {
		c.report("%s %q: the id is not of the form %s…", kind, id, prefix)
	}
	c.unique(kind, id)
}

// region reports a region that is not in the world.
func (c *checker) region(subject, region string) {
	if !slices.Contains(c.world.Regions, region) {
		c.report("%s: region %q is not among the regions", subject, region)
	}
}

// duration reports a negative duration. Zero is valid and means the default.
func (c *checker) duration(subject string, d time.Duration) {
	if d < 0 {
		c.report("%s: %v is negative", subject, d)
	}
}

// account checks one emulated account and everything in it for mistakes.
func (c *checker) account(a *Account) {
	if !AccountIDShape.MatchString(a.ID) {
		c.report("account %q: an id has 16 digits", a.ID)
	}
	c.unique("account", a.ID)
	c.accessKeys("account "+a.ID, a.AccessKeys)
	for _, u := range a.Users {
		name := a.UserARN(u.Name)
		c.name("user", name, u.Name)
		c.accessKeys(name, u.AccessKeys)
		c.policies(name, u.Permissions, u.Policies)
	}
	for _, r := range a.Roles {
		c.role(a.RoleARN(r.Name), r)
	}
	for _, r := range a.ServiceLinkedRoles {
		if !isLinkedRole(r) {
			c.report("account %s: no service-linked role %q is known here", a.ID, r)
		}
		// Each role has one fixed name in an account.
		c.unique("service-linked role of account "+a.ID, r)
	}
	for _, x := range a.CrossAccounts {
		c.crossAccount(a, x)
	}
	if a.Directory != nil {
		for _, m := range a.Directory.Members {
			if !AccountIDShape.MatchString(m) {
				c.report("account %s: %q in its directory is not an account id", a.ID, m)
			}
			c.unique("directory of account "+a.ID, m)
		}
	}
	c.resources(a)
}

// name reports a name that RAM does not accept, and a duplicate ARN.
func (c *checker) name(kind, arn, name string) {
	if !RoleNameShape.MatchString(name) {
		c.report("%s %q: the name has 1 to 64 letters, digits and . _ -", kind, name)
	}
	c.unique(kind, arn)
}

// accessKeys reports keys without an id or a secret, and ids in the form of temporary keys. An
// empty secret could sign requests.
func (c *checker) accessKeys(subject string, keys []AccessKey) {
	for _, k := range keys {
		if k.ID == "" || k.Secret == "" || strings.HasPrefix(k.ID, "STS.") {
			c.report("%s: access key %q needs a secret, and an id that does not begin with STS.", subject, k.ID)
		}
		c.unique("access key", k.ID)
	}
}

// policies checks the short and the complete policies of one user or role. Complete policies are
// checked too, because policies written in Go did not pass the parser.
func (c *checker) policies(subject string, permissions []ram.Statement, policies []ram.Policy) {
	c.policy(subject+": permissions", permissions)
	if err := ram.Policy(permissions).CheckIdentity(); err != nil {
		c.report("%s: permissions: %w", subject, err)
	}
	for n, p := range policies {
		name := fmt.Sprintf("%s: policy %d", subject, n+1)
		c.policy(name, p)
		if err := p.CheckIdentity(); err != nil {
			c.report("%s: %w", name, err)
		}
	}
}

// policy checks each statement. The caller checks whether statements may have a Principal.
func (c *checker) policy(subject string, p ram.Policy) {
	for n, s := range p {
		for _, err := range statementProblems(s) {
			c.report("%s: statement %d: %w", subject, n+1, err)
		}
		for _, a := range slices.Concat(s.Actions, s.NotActions) {
			if !isAction(a) {
				c.report("%s: statement %d: there is no action %q", subject, n+1, a)
			}
		}
	}
}

// crossAccount checks a registration: CROSS_ACCOUNT needs a role, CROSS_ACCOUNT_BY_RD needs the
// other account in the caller's directory.
func (c *checker) crossAccount(a *Account, x CrossAccount) {
	byDirectory := x.Type == "CROSS_ACCOUNT_BY_RD"
	badRole := byDirectory != (x.Role == "") || (x.Role != "" && !RoleNameShape.MatchString(x.Role))
	if !AccountIDShape.MatchString(x.Account) || badRole {
		c.report("account %s: cross account %q with role %q is malformed", a.ID, x.Account, x.Role)
	}
	if c.accountOf(x.Account) == nil {
		c.report("account %s: cross account %q is not an account of this world", a.ID, x.Account)
	}
	if x.Type != "" && x.Type != "CROSS_ACCOUNT" && !byDirectory {
		c.report("account %s: cross account %q has no type %q", a.ID, x.Account, x.Type)
	}
	if byDirectory && (a.Directory == nil || !slices.Contains(a.Directory.Members, x.Account)) {
		c.report("account %s: cross account %q is not in its directory", a.ID, x.Account)
	}
	if utf8.RuneCountInString(x.Alias) > MaxAlias {
		c.report("account %s: the alias of cross account %q is longer than %d characters", a.ID, x.Account, MaxAlias)
	}
	c.unique("cross account of account "+a.ID, x.Account+" "+x.Role)
}

// role checks a role. Its trust may be written in the short or in the complete form, but not in
// both: it would be unclear which one is used.
func (c *checker) role(arn string, r Role) {
	c.name("role", arn, r.Name)
	c.policies(arn, r.Permissions, r.Policies)
	c.policy(arn+": trust_policy", r.TrustPolicy)
	if err := r.TrustPolicy.CheckTrust(); err != nil {
		c.report("%s: %w", arn, err)
	}
	if len(r.TrustPolicy) > 0 && (len(r.Trusts)+len(r.TrustsServices) > 0 || r.ExternalID != "") {
		c.report("%s: trust_policy stands in place of trusts, trusts_services and external_id", arn)
	}
	for _, p := range r.Trusts {
		if !ram.PrincipalShape.MatchString(p) {
			c.report("%s: %q is not the arn of a root, user or role", arn, p)
		}
		c.principal(arn+": trusts", p)
	}
	for _, s := range r.TrustPolicy {
		for _, p := range s.Principals.RAM {
			c.principal(arn+": trust_policy", p)
		}
	}
	if r.ExternalID != "" && !IsExternalID(r.ExternalID) {
		c.report("%s: the external id is malformed", arn)
	}
	if r.MaxSession != 0 && (r.MaxSession < time.Hour || r.MaxSession > 12*time.Hour) {
		c.report("%s: max_session %v is not from 1h to 12h", arn, r.MaxSession)
	}
}

// Words of ECS and Cloud Backup that a world may use. The empty word means the default.
var (
	InstanceStatuses  = []string{"", "Pending", "Running", "Starting", "Stopping", "Stopped"}
	DiskStatuses      = []string{"", "In_use", "Available", "Attaching", "Detaching", "Creating", "ReIniting"}
	performanceLevels = []string{"", "PL0", "PL1", "PL2", "PL3"}
	vaultStatuses     = []string{"", "INITIALIZING", "UNKNOWN", "CREATED", "ERROR"}
	vaultTypes        = []string{"", "STANDARD", "OTS_BACKUP"}
	agentStatuses     = []string{"", "READY", "MISS", "UNKNOWN"}
	clientStatuses    = []string{"REGISTERED", "ACTIVATED", "DEACTIVATED", "INSTALLING", "INSTALL_FAILED", "NOT_INSTALLED",
		"UPGRADING", "UPGRADE_FAILED", "UNINSTALLING", "UNINSTALL_FAILED", "STOPPED", "UNKNOWN"}
)

// resources checks the account's resources and backup clients.
func (c *checker) resources(a *Account) {
	for _, i := range a.Instances {
		c.instance(a, i)
	}
	for _, v := range a.Vaults {
		c.vault(v)
	}
	for _, cl := range a.Clusters {
		c.cluster(cl)
	}
	for _, cl := range a.Clients {
		c.client(a, cl)
	}
}

// word reports a value that is not in allowed.
func (c *checker) word(subject, key, value string, allowed []string) {
	if !slices.Contains(allowed, value) {
		c.report("%s: %s %q is not one of %s", subject, key, value, strings.Trim(strings.Join(allowed, ", "), ", "))
	}
}

// outcome reports a text that is neither empty nor an outcome of jobs.
func (c *checker) outcome(subject, text string) {
	if text == "" {
		return
	}
	if _, err := lifecycle.ParseOutcome(text); err != nil {
		c.report("%s: %w", subject, err)
	}
}

// instance checks an instance. Its role must exist, because a missing role changes the result of
// jobs (HBR.NoRamRoleBound).
func (c *checker) instance(a *Account, i Instance) {
	name := "instance " + i.ID
	c.id("instance", "i-", i.ID)
	c.region(name, i.Region)
	c.duration(name, i.JobDuration)
	c.outcome(name, i.JobOutcome)
	c.word(name, "status", i.Status, InstanceStatuses)
	if i.Zone != "" && !strings.HasPrefix(i.Zone, i.Region) {
		c.report("%s: zone %q is not in %s", name, i.Zone, i.Region)
	}
	if _, err := time.Parse("2006-01-02T15:04Z", i.Created); i.Created != "" && err != nil {
		c.report("%s: created %q is not of the form 2006-01-02T15:04Z", name, i.Created)
	}
	if i.OS != "linux" && i.OS != "windows" {
		c.report("%s: os %q is neither linux nor windows", name, i.OS)
	}
	for _, ip := range slices.Concat(i.PrivateIPs, i.PublicIPs) {
		if _, err := netip.ParseAddr(ip); err != nil {
			c.report("%s: %q is not an ip address", name, ip)
		}
	}
	if i.RAMRole != "" && a.Role(i.RAMRole) == nil {
		c.report("%s: ram_role %q is not a role of account %s", name, i.RAMRole, a.ID)
	}
	c.instanceTags(name, i.Tags)
	if len(i.Disks) == 0 {
		c.report("%s: it has no disks", name)
	}
	// The order is significant: it gives the device names, and the first disk is the system disk.
	for n, d := range i.Disks {
		c.disk(d)
		if (d.Type == "system") != (n == 0) {
			c.report("%s: its first disk is the system disk, and no other", name)
		}
	}
}

// instanceTags reports tags that begin with "emulator:" and are not known. It also reports invalid
// values of the tags that are known.
func (c *checker) instanceTags(subject string, tags map[string]string) {
	for key, value := range tags {
		switch {
		case key == lifecycle.OutcomeTag:
			c.outcome(subject, value)
			if value == "" {
				c.report("%s: the tag %s is empty", subject, key)
			}
		case key == lifecycle.DurationTag:
			if d, err := time.ParseDuration(value); err != nil || d <= 0 {
				c.report("%s: the tag %s=%s is not a duration like 5s", subject, key, value)
			}
		case strings.HasPrefix(key, "emulator:"):
			c.report("%s: the tag %s is not known", subject, key)
		}
	}
}

// disk checks a disk. It accepts any category, because ECS gets new ones and a fixed list would
// refuse valid worlds.
func (c *checker) disk(d Disk) {
	name := "disk " + d.ID
	c.id("disk", "d-", d.ID)
	if d.Category == "" || d.GiB <= 0 || (d.Type != "system" && d.Type != "data") {
		c.report("%s: it needs a category, a size in gib, and type system or data", name)
	}
	c.word(name, "status", d.Status, DiskStatuses)
	c.word(name, "performance_level", d.PerformanceLevel, performanceLevels)
	if d.PerformanceLevel != "" && d.Category != "cloud_essd" {
		c.report("%s: only a cloud_essd has a performance_level", name)
	}
}

// vault checks a vault. The source of a replication vault may be missing in the world: it can
// belong to another account, or be deleted.
func (c *checker) vault(v Vault) {
	name := "vault " + v.ID
	c.id("vault", "v-", v.ID)
	c.region(name, v.Region)
	c.word(name, "type", v.Type, vaultTypes)
	c.word(name, "status", v.Status, vaultStatuses)
	if v.ReplicationOf != "" && !v.Replication {
		c.report("%s: replication_of is for a vault with replication", name)
	}
}

// cluster checks a cluster and its volumes. The identifier of ACK is not checked, so that test
// worlds can use readable ones.
func (c *checker) cluster(cl Cluster) {
	name := "cluster " + cl.ID
	c.id("cluster", "cc-", cl.ID)
	c.id("cluster group", "cl-", cl.GroupID)
	c.region(name, cl.Region)
	c.duration(name, cl.JobDuration)
	c.outcome(name, cl.JobOutcome)
	c.word(name, "agent", cl.Agent, agentStatuses)
	for _, v := range cl.Volumes {
		if v.ID == "" || v.GiB <= 0 {
			c.report("%s: volume %q needs an id and a size in gib", name, v.ID)
		}
		c.unique("volume of "+cl.ID, v.ID)
	}
}

// client reports a backup client that is not on exactly one instance or cluster of its own
// account.
func (c *checker) client(a *Account, cl BackupClient) {
	name := "backup client " + cl.ID
	c.id("backup client", "c-", cl.ID)
	c.word(name, "status", cl.Status, clientStatuses)
	c.duration(name, cl.HeartbeatAge)
	switch {
	case (cl.Instance == "") == (cl.Cluster == ""):
		c.report("%s: it is on an instance, or else in a cluster", name)
	case cl.Instance != "" && !slices.ContainsFunc(a.Instances, func(i Instance) bool { return i.ID == cl.Instance }):
		c.report("%s: instance %q is not in account %s", name, cl.Instance, a.ID)
	case cl.Cluster != "" && !slices.ContainsFunc(a.Clusters, func(i Cluster) bool { return i.ID == cl.Cluster }):
		c.report("%s: cluster %q is not in account %s", name, cl.Cluster, a.ID)
	}
}

// otherActions are actions of RAM that are not in [api.Operations] but appear in real policies
// for Cloud Backup.
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

// isAction reports whether a RAM action can exist. It accepts every action with a wildcard, and
// every action of products that are not emulated, because their actions are unknown. It ignores
// case, as RAM does.
func isAction(action string) bool {
	product, _, _ := strings.Cut(strings.ToLower(action), ":")
	if !slices.Contains([]string{"hbr", "sts", "ecs", "ram"}, product) || strings.ContainsAny(action, "*?") {
		return true
	}
	same := func(other string) bool { return strings.EqualFold(action, other) }
	return slices.ContainsFunc(otherActions, same) ||
		slices.ContainsFunc(api.Operations, func(op api.Operation) bool { return same(op.Product + ":" + op.Action) })
}

// accountOf returns the account with the given id, or nil.
func (c *checker) accountOf(id string) *Account {
	return findFirst(c.world.Accounts, func(a *Account) bool { return a.ID == id })
}

// principal reports a user or role that does not exist in its account. An account outside the
// world is accepted.
func (c *checker) principal(subject, arn string) {
	m := ram.PrincipalShape.FindStringSubmatch(arn)
	if m == nil {
		return // checked and reported by the caller
	}
	a := c.accountOf(m[1])
	kind, name, _ := strings.Cut(m[2], "/")
	if a == nil || kind == "root" {
		return
	}
	same := func(other string) bool { return strings.EqualFold(name, other) }
	// The name of a user is accepted as the name of a role. Tests need that for a trust policy
	// that names the wrong kind of caller.
	exists := slices.ContainsFunc(a.Users, func(u User) bool { return same(u.Name) })
	if kind == "role" {
		exists = exists || isLinkedRole(name) || a.Role(name) != nil
	}
	if !exists {
		c.report("%s: account %s has no %s %q", subject, a.ID, kind, name)
	}
}

// statementProblems returns every mistake in a statement. [ram.Statement.Check] returns only
// the first, so statementProblems checks each part separately, in an otherwise valid statement.
func statementProblems(s ram.Statement) []error {
	valid := func() ram.Statement { return ram.Statement{Effect: "Allow", Actions: []string{"*"}} }
	effect, conditions := valid(), valid()
	effect.Effect, conditions.Conditions = s.Effect, s.Conditions
	parts := []ram.Statement{effect, conditions}
	if (len(s.Actions) == 0) == (len(s.NotActions) == 0) {
		parts = append(parts, ram.Statement{Effect: "Allow", Actions: s.Actions, NotActions: s.NotActions})
	}
	for _, a := range slices.Concat(s.Actions, s.NotActions) {
		parts = append(parts, ram.Statement{Effect: "Allow", Actions: []string{a}})
	}
	var problems []error
	for _, part := range parts {
		if err := part.Check(); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}
