package emulator

import (
	"strings"
	"sync"
	"testing"
	"time"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
	"backupportal/function/emulator/world"
)

func TestNewReportsEveryMistakeOfWorld(t *testing.T) {
	w := world.Demo()
	portal, payments := &w.Accounts[0], &w.Accounts[1]
	payments.Instances = append(payments.Instances, portal.Instances[0])
	payments.Vaults[0].ID = "vault"
	payments.Clients[0].Instance = "i-bp1demoweb02"
	payments.Roles[0].Trusts = []string{"everybody"}
	payments.Roles[0].MaxSession = time.Minute
	payments.Roles[0].ExternalID = "x"
	payments.Roles[1].Name = "Backup-Operator"
	portal.CrossAccounts[0].Account = "2"
	portal.Clusters[0].Volumes[0].GiB = 0
	_, err := New(Options{World: w})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`instance "i-bp1demoweb01": stands twice`, `disk "d-bp1demoweb01a": stands twice`, `vault "vault"`,
		"not in account 2000000000000002", `"everybody" is not the arn`, "max_session 1m0s", "external id is malformed",
		`backup-operator": stands twice`, `cross account "2"`, "needs an id and a size",
	} {
		if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

func TestConcurrentClients(t *testing.T) {
	f := newFixture(t)
	orders := make([]rpc.Params, 40)
	for i := range orders {
		p := f.common(portal, "CreateBackupJob")
		for name, v := range instanceOrder() {
			p[name] = v
		}
		p["SignatureNonce"] = str(i / 2) // each nonce is used twice
		p["Signature"] = sign.Signature(world.DemoSecret, sign.StringToSign("POST", p))
		orders[i] = p
	}
	var wg sync.WaitGroup
	for _, p := range orders {
		wg.Go(func() { f.send(t, p) })
	}
	wg.Wait()
	if got := len(f.Ledger().Jobs); got != len(orders)/2 {
		t.Errorf("%d jobs from %d nonces", got, len(orders)/2)
	}
}

func TestEveryOperationHasHandler(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range api.Operations {
		if c.operations[op.Name()] == nil {
			t.Errorf("%s is in the table, and nothing carries it out", op.Name())
		}
	}
	if len(c.operations) != len(api.Operations) {
		t.Errorf("%d operations are carried out, %d are in the table", len(c.operations), len(api.Operations))
	}
}
