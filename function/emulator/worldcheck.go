package emulator

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Shapes of ids that the vendor writes down, or that every one of its own has.
var (
	principalShape = regexp.MustCompile(`^acs:ram::([0-9]{16}):(root|(?:user|role)/[A-Za-z0-9._-]{1,64})$`)
)

// Check reports everything in a world that cannot be, joined into one error.
func (w *World) Check() error {
	c := checker{world: w, ids: map[string]bool{}}
	if len(w.Regions) == 0 {
		c.wrong("a world needs at least one region")
	}
	for _, r := range w.Regions {
		if !isRegion(r) {
			c.wrong("regions: %q is not a region id of Alibaba Cloud", r)
		}
		c.once("region", r)
	}
	c.duration("job_duration", w.JobDuration)
	if len(w.Accounts) == 0 {
		c.wrong("a world needs at least one account")
	}
	for i := range w.Accounts {
		c.account(&w.Accounts[i])
	}
	return errors.Join(c.problems...)
}

// A checker collects what is wrong. Ids are unique in the whole world, as they
// are at the vendor's.
type checker struct {
	world    *World
	ids      map[string]bool
	problems []error
}

// wrong writes down a problem and lets the check go on.
func (c *checker) wrong(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf(format, args...))
}

// once wants a name to stand only once among its kind, whatever its case.
func (c *checker) once(kind, id string) {
	key := kind + " " + strings.ToLower(id)
	if c.ids[key] {
		c.wrong("%s %q: stands twice", kind, id)
	}
	c.ids[key] = true
}

// id wants a prefix, and that no other thing of the kind has the same id.
func (c *checker) id(kind, prefix, id string) {
	if !strings.HasPrefix(id, prefix) || !resourceID.MatchString(id) {
		c.wrong("%s %q: the id is not of the form %s…", kind, id, prefix)
	}
	c.once(kind, id)
}

// region wants a region that the world has.
func (c *checker) region(of, region string) {
	if !slices.Contains(c.world.Regions, region) {
		c.wrong("%s: region %q is not among the regions", of, region)
	}
}

// duration lets zero pass, which stands for whatever is the default.
func (c *checker) duration(of string, d time.Duration) {
	if d < 0 {
		c.wrong("%s: %v is negative", of, d)
	}
}

// account goes through all that lies in one account.
func (c *checker) account(a *Account) {
	if !accountIDShape.MatchString(a.ID) {
		c.wrong("account %q: an id has 16 digits", a.ID)
	}
	c.once("account", a.ID)
	c.accessKeys("account "+a.ID, a.AccessKeys)
	for _, u := range a.Users {
		name := a.userARN(u.Name)
		c.name("user", name, u.Name)
		c.accessKeys(name, u.AccessKeys)
		c.policies(name, u.Permissions, u.Policies)
	}
	for _, r := range a.Roles {
		c.role(a.roleARN(r.Name), r)
	}
	for _, r := range a.ServiceLinkedRoles {
		if !isLinkedRole(r) {
			c.wrong("account %s: no service-linked role %q is known here", a.ID, r)
		}
		// Their names are fixed, so any other is a misspelt one.
		c.once("service-linked role of account "+a.ID, r)
	}
	for _, x := range a.CrossAccounts {
		c.crossAccount(a, x)
	}
	if a.Directory != nil {
		for _, m := range a.Directory.Members {
			if !accountIDShape.MatchString(m) {
				c.wrong("account %s: %q in its directory is not an account id", a.ID, m)
			}
			c.once("directory of account "+a.ID, m)
		}
	}
	c.things(a)
}

// name wants what RAM takes as a name, once in its account.
func (c *checker) name(kind, arn, name string) {
	if !roleNameShape.MatchString(name) {
		c.wrong("%s %q: the name has 1 to 64 letters, digits and . _ -", kind, name)
	}
	c.once(kind, arn)
}

// accessKeys wants secrets, because an empty one would sign nothing, and ids
// that cannot be taken for those of temporary keys.
func (c *checker) accessKeys(of string, keys []AccessKey) {
	for _, k := range keys {
		if k.ID == "" || k.Secret == "" || strings.HasPrefix(k.ID, "STS.") {
			c.wrong("%s: access key %q needs a secret, and an id that does not begin with STS.", of, k.ID)
		}
		c.once("access key", k.ID)
	}
}

// policies looks at whole policies too: one that is written in Go was never parsed.
func (c *checker) policies(of string, short []Statement, whole []Policy) {
	c.policy(of+": permissions", short)
	if err := Policy(short).checkIdentity(); err != nil {
		c.wrong("%s: permissions: %w", of, err)
	}
	for n, p := range whole {
		name := fmt.Sprintf("%s: policy %d", of, n+1)
		c.policy(name, p)
		if err := p.checkIdentity(); err != nil {
			c.wrong("%s: %w", name, err)
		}
	}
}

// policy looks at the statements one by one; whether a principal belongs in
// them is for the caller to say.
func (c *checker) policy(of string, p Policy) {
	for n, s := range p {
		for _, err := range statementProblems(s) {
			c.wrong("%s: statement %d: %w", of, n+1, err)
		}
		for _, a := range slices.Concat(s.Actions, s.NotActions) {
			if !isAction(a) {
				c.wrong("%s: statement %d: there is no action %q", of, n+1, a)
			}
		}
	}
}

// crossAccount wants a role, or that the other account is in the directory.
func (c *checker) crossAccount(a *Account, x CrossAccount) {
	byDirectory := x.Type == "CROSS_ACCOUNT_BY_RD"
	if !accountIDShape.MatchString(x.Account) || byDirectory != (x.Role == "") || (x.Role != "" && !roleNameShape.MatchString(x.Role)) {
		c.wrong("account %s: cross account %q with role %q is malformed", a.ID, x.Account, x.Role)
	}
	if c.accountOf(x.Account) == nil {
		c.wrong("account %s: cross account %q is not an account of this world", a.ID, x.Account)
	}
	if x.Type != "" && x.Type != "CROSS_ACCOUNT" && !byDirectory {
		c.wrong("account %s: cross account %q has no type %q", a.ID, x.Account, x.Type)
	}
	if byDirectory && (a.Directory == nil || !slices.Contains(a.Directory.Members, x.Account)) {
		c.wrong("account %s: cross account %q is not in its directory", a.ID, x.Account)
	}
	if utf8.RuneCountInString(x.Alias) > maxAlias {
		c.wrong("account %s: the alias of cross account %q is longer than %d characters", a.ID, x.Account, maxAlias)
	}
	c.once("cross account of account "+a.ID, x.Account+" "+x.Role)
}

// role wants a trust policy in one of its two forms, not in both: which would
// win would have to be remembered.
func (c *checker) role(arn string, r Role) {
	c.name("role", arn, r.Name)
	c.policies(arn, r.Permissions, r.Policies)
	c.policy(arn+": trust_policy", r.TrustPolicy)
	if err := r.TrustPolicy.checkTrust(); err != nil {
		c.wrong("%s: %w", arn, err)
	}
	if len(r.TrustPolicy) > 0 && (len(r.Trusts)+len(r.TrustsServices) > 0 || r.ExternalID != "") {
		c.wrong("%s: trust_policy stands in place of trusts, trusts_services and external_id", arn)
	}
	for _, p := range r.Trusts {
		if !principalShape.MatchString(p) {
			c.wrong("%s: %q is not the arn of a root, user or role", arn, p)
		}
		c.principal(arn+": trusts", p)
	}
	for _, s := range r.TrustPolicy {
		for _, p := range s.Principals.RAM {
			c.principal(arn+": trust_policy", p)
		}
	}
	if r.ExternalID != "" && !isExternalID(r.ExternalID) {
		c.wrong("%s: the external id is malformed", arn)
	}
	if r.MaxSession != 0 && (r.MaxSession < time.Hour || r.MaxSession > 12*time.Hour) {
		c.wrong("%s: max_session %v is not from 1h to 12h", arn, r.MaxSession)
	}
}
