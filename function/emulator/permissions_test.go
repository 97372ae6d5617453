package emulator

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
	"backupportal/function/emulator/world"
)

// needs is what the vendor's page on permissions says of each operation,
// written down apart from the table of operations. ECS has resources of the
// kind that is listed; Cloud Backup knows none.
var needs = map[string]string{
	"CreateBackupJob": "*", "DescribeBackupJobs2": "*", "CancelBackupJob": "*", "DescribeVaults": "*",
	"DescribeBackupClients": "*", "DescribeContainerCluster": "*", "DescribeUdmSnapshots": "*",
	"DescribeCrossAccounts": "*", "CheckRole": "*", "hbr:DescribeRegions": "*",
	"DescribeInstances": "acs:ecs:*:*:instance/*", "DescribeDisks": "acs:ecs:*:*:disk/*", "ecs:DescribeRegions": "*",
}

// free are the operations that a caller needs no permission of his own for, or
// that ask for it themselves.
var free = []string{"AssumeRole", "GetCallerIdentity", "AddCrossAccount"}

// needsName is the key of [needs]: two operations of one action are told apart by their product.
func needsName(o api.Operation) string {
	if o.Action == "DescribeRegions" {
		return strings.ToLower(o.Product) + ":" + o.Action
	}
	return o.Action
}

// may gives the portal's user these statements and no other.
func may(statements ...ram.Statement) func(*world.World) {
	return func(w *world.World) { w.Accounts[0].Users[0].Permissions = statements }
}

// Each operation is refused without its permission, with it denied, and with
// it granted on things of another kind; with it alone it is let through.
func TestOperationPermissions(t *testing.T) {
	for _, op := range api.Operations {
		resource, needed := needs[needsName(op)]
		if !needed {
			if !slices.Contains(free, needsName(op)) {
				t.Errorf("%s is in neither list", needsName(op))
			}
			continue
		}
		action := strings.ToLower(op.Product) + ":" + op.Action
		allow := ram.Statement{Effect: "Allow", Actions: []string{action}, Resources: []string{resource}}
		all := ram.Statement{Effect: "Allow", Actions: []string{"*"}, Resources: []string{"*"}}
		others := ram.Statement{Effect: "Allow", NotActions: []string{action}, Resources: []string{"*"}}
		denied := ram.Statement{Effect: "Deny", Actions: []string{action}, Resources: []string{"*"}}
		refused(t, op, "everything else granted", "ImplicitDeny", may(others))
		refused(t, op, "denied beside everything", "ExplicitDeny", may(all, denied))
		if resource != "*" {
			elsewhere := allow
			elsewhere.Resources = []string{"acs:ecs:*:*:image/*"}
			refused(t, op, "granted for images", "ImplicitDeny", may(elsewhere))
		}
		if a := newFixture(t, may(allow)).tell(t, op); a.status == 403 {
			t.Errorf("%s with its permission alone: %d %s", needsName(op), a.status, a.code())
		}
	}
}

// refused expects that the call is, and that the answer says which action was
// missing, in which policy, and how.
func refused(t *testing.T, op api.Operation, when, kind string, edit func(*world.World)) {
	t.Helper()
	a := newFixture(t, edit).tell(t, op)
	detail, _ := a.body["AccessDeniedDetail"].(map[string]any)
	action := strings.ToLower(op.Product) + ":" + op.Action
	if a.status != 403 || member(detail, "AuthAction") != action || member(detail, "NoPermissionType") != kind || member(detail, "PolicyType") != rpc.IdentityPolicy {
		t.Errorf("%s, %s: %d %s, %v", needsName(op), when, a.status, a.code(), detail)
	}
}

// tell makes a call of an operation, with a good order where one is needed: a
// refusal comes before anything else is looked at.
func (f *fixture) tell(t *testing.T, op api.Operation) answer {
	t.Helper()
	own := rpc.Params{"Version": op.Version}
	if op.Action == "CreateBackupJob" {
		own = with(own, instanceOrder())
	}
	return f.call(t, portal, op.Action, own)
}

// Of the copies of one signed request that arrive at once, one is let in: it is
// the last guard against a request that the network sends twice.
func TestConcurrentCopiesOfRequestMakeOneJob(t *testing.T) {
	f := newFixture(t)
	p := f.common(portal, "CreateBackupJob")
	for name, value := range instanceOrder() {
		p[name] = value
	}
	p["Signature"] = sign.Signature(portal.secret, sign.StringToSign("POST", p))
	var let, used atomic.Int32
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range 64 {
		wg.Go(func() {
			<-start
			switch a := f.send(t, p); {
			case a.status == 200:
				let.Add(1)
			case a.code() == "SignatureNonceUsed":
				used.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	if jobs := len(f.Ledger().Jobs); let.Load() != 1 || used.Load() != 63 || jobs != 1 {
		t.Errorf("%d let in, %d refused, %d jobs", let.Load(), used.Load(), jobs)
	}
}
