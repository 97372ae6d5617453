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

// documentedPermissions has for each operation the resource on which RAM checks the permission.
// They are copied from the vendor's pages, not from api.Operations, so that the test is
// independent. A listing of ECS needs the permission on the resources that it lists; operations
// of Cloud Backup need it on "*".
var documentedPermissions = map[string]string{
	"CreateBackupJob": "*", "DescribeBackupJobs2": "*", "CancelBackupJob": "*", "DescribeVaults": "*",
	"DescribeBackupClients": "*", "DescribeContainerCluster": "*", "DescribeUdmSnapshots": "*",
	"DescribeContainerResource": "*", "ListProtectedResources": "*", "DescribeCrossAccounts": "*", "CheckRole": "*", "hbr:DescribeRegions": "*",
	"DescribeInstances": "acs:ecs:*:*:instance/*", "DescribeDisks": "acs:ecs:*:*:disk/*", "ecs:DescribeRegions": "*",
}

// withoutPermission has the operations for which the gateway checks no permission. Some of these
// operations check permissions themselves.
var withoutPermission = []string{"InvokeFunction", "AssumeRole", "GetCallerIdentity", "AddCrossAccount", "DeleteCrossAccount"}

// permissionKey returns the key of o in documentedPermissions. DescribeRegions exists in two
// products, so its key also contains the product.
func permissionKey(o api.Operation) string {
	if o.Action == "DescribeRegions" {
		return strings.ToLower(o.Product) + ":" + o.Action
	}
	return o.Action
}

// setPermissions replaces the RAM permissions of the portal's user in the emulated account.
func setPermissions(statements ...ram.Statement) func(*world.World) {
	return func(w *world.World) {
		w.Accounts[0].Users[0].Permissions, w.Accounts[0].Users[0].Policies = statements, nil
	}
}

// TestOperationPermissions proves for each operation that it is refused without its permission,
// with an explicit deny, and with a permission on resources of another type. It is allowed if
// the caller has exactly the permission for it.
func TestOperationPermissions(t *testing.T) {
	for _, op := range api.Operations {
		resource, needed := documentedPermissions[permissionKey(op)]
		if !needed {
			if !slices.Contains(withoutPermission, permissionKey(op)) {
				t.Errorf("%s is in neither list", permissionKey(op))
			}
			continue
		}
		action := strings.ToLower(op.Product) + ":" + op.Action
		allow := ram.Statement{Effect: "Allow", Actions: []string{action}, Resources: []string{resource}}
		all := ram.Statement{Effect: "Allow", Actions: []string{"*"}, Resources: []string{"*"}}
		others := ram.Statement{Effect: "Allow", NotActions: []string{action}, Resources: []string{"*"}}
		denied := ram.Statement{Effect: "Deny", Actions: []string{action}, Resources: []string{"*"}}
		checkRefused(t, op, "everything else granted", "ImplicitDeny", setPermissions(others))
		checkRefused(t, op, "denied beside everything", "ExplicitDeny", setPermissions(all, denied))
		if resource != "*" {
			elsewhere := allow
			elsewhere.Resources = []string{"acs:ecs:*:*:image/*"}
			checkRefused(t, op, "granted for images", "ImplicitDeny", setPermissions(elsewhere))
		}
		if a := newFixture(t, setPermissions(allow)).callOperation(t, op); a.status == 403 {
			t.Errorf("%s with its permission alone: %d %s", permissionKey(op), a.status, a.code())
		}
	}
}

// checkRefused calls the operation op and expects a refusal. The detail of the refusal must name
// the action, the policy type and the kind of denial.
func checkRefused(t *testing.T, op api.Operation, when, kind string, edit func(*world.World)) {
	t.Helper()
	a := newFixture(t, edit).callOperation(t, op)
	detail, _ := a.body["AccessDeniedDetail"].(map[string]any)
	action := strings.ToLower(op.Product) + ":" + op.Action
	if a.status != 403 || member(detail, "AuthAction") != action || member(detail, "NoPermissionType") != kind || member(detail, "PolicyType") != rpc.IdentityPolicy {
		t.Errorf("%s, %s: %d %s, %v", permissionKey(op), when, a.status, a.code(), detail)
	}
}

// callOperation calls an operation. It sends valid parameters only to CreateBackupJob: the
// others check the permission before their parameters.
func (f *fixture) callOperation(t *testing.T, op api.Operation) answer {
	t.Helper()
	own := rpc.Params{"Version": op.Version}
	if op.Action == "CreateBackupJob" {
		own = with(own, instanceOrder())
	}
	return f.call(t, portal, op.Action, own)
}

// TestConcurrentCopiesOfRequestMakeOneJob proves that the emulator accepts only one of several
// simultaneous copies of a signed request. All have the same nonce, which protects against a
// network that delivers a request twice.
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
