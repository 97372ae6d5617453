package emulator

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	regionShape    = regexp.MustCompile(`^[a-z]{2}-[a-z0-9-]+$`)
	principalShape = regexp.MustCompile(`^acs:ram::[0-9]{16}:(root|(user|role)/[A-Za-z0-9._-]{1,64})$`)
)

// Check reports everything in a world that cannot be, joined into one error.
func (w *World) Check() error {
	c := checker{world: w, ids: map[string]bool{}}
	if len(w.Regions) == 0 {
		c.wrong("a world needs at least one region")
	}
	for _, r := range w.Regions {
		if !regionShape.MatchString(r) {
			c.wrong("region %q: not a region id", r)
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
		c.statements(name, u.Permissions)
	}
	for _, r := range a.Roles {
		c.role(a.roleARN(r.Name), r)
	}
	for _, x := range a.CrossAccounts {
		if !accountIDShape.MatchString(x.Account) || !roleNameShape.MatchString(x.Role) {
			c.wrong("account %s: cross account %q with role %q is malformed", a.ID, x.Account, x.Role)
		}
	}
	for _, i := range a.Instances {
		c.instance(i)
	}
	for _, v := range a.Vaults {
		c.id("vault", "v-", v.ID)
		c.region("vault "+v.ID, v.Region)
	}
	for _, cl := range a.Clusters {
		c.cluster(cl)
	}
	for _, cl := range a.Clients {
		c.client(a, cl)
	}
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

func (c *checker) statements(of string, statements []Statement) {
	for _, s := range statements {
		if err := s.check(); err != nil {
			c.wrong("%s: %w", of, err)
		}
	}
}

func (c *checker) role(arn string, r Role) {
	c.name("role", arn, r.Name)
	c.statements(arn, r.Permissions)
	for _, p := range r.Trusts {
		if !principalShape.MatchString(p) {
			c.wrong("%s: %q is not the arn of a root, user or role", arn, p)
		}
	}
	if r.ExternalID != "" && !isExternalID(r.ExternalID) {
		c.wrong("%s: the external id is malformed", arn)
	}
	if r.MaxSession != 0 && (r.MaxSession < time.Hour || r.MaxSession > 12*time.Hour) {
		c.wrong("%s: max_session %v is not from 1h to 12h", arn, r.MaxSession)
	}
}

func (c *checker) instance(i Instance) {
	name := "instance " + i.ID
	c.id("instance", "i-", i.ID)
	c.region(name, i.Region)
	c.duration(name, i.JobDuration)
	if i.OS != "linux" && i.OS != "windows" {
		c.wrong("%s: os %q is neither linux nor windows", name, i.OS)
	}
	if len(i.Disks) == 0 {
		c.wrong("%s: it has no disks", name)
	}
	for _, d := range i.Disks {
		c.id("disk", "d-", d.ID)
		if d.Category == "" || d.GiB <= 0 || (d.Type != "system" && d.Type != "data") {
			c.wrong("disk %s: it needs a category, a size in gib, and type system or data", d.ID)
		}
	}
}

func (c *checker) cluster(cl Cluster) {
	name := "cluster " + cl.ID
	c.id("cluster", "cc-", cl.ID)
	c.id("cluster group", "cl-", cl.GroupID)
	c.region(name, cl.Region)
	c.duration(name, cl.JobDuration)
	for _, v := range cl.Volumes {
		if v.ID == "" || v.GiB <= 0 {
			c.wrong("%s: volume %q needs an id and a size in gib", name, v.ID)
		}
		c.once("volume of "+cl.ID, v.ID)
	}
}

// client wants a backup client to be on an instance of its own account.
func (c *checker) client(a *Account, cl BackupClient) {
	c.id("backup client", "c-", cl.ID)
	if cl.Status == "" {
		c.wrong("backup client %s: it has no status", cl.ID)
	}
	if !slices.ContainsFunc(a.Instances, func(i Instance) bool { return i.ID == cl.Instance }) {
		c.wrong("backup client %s: instance %q is not in account %s", cl.ID, cl.Instance, a.ID)
	}
}
