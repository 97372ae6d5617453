// Package emulator answers requests as Alibaba Cloud does.
//
// It plays Cloud Backup, STS and ECS on one address.
// It is the far side of the network for people without an account and for
// tests: a [Cloud] verifies signatures, judges every request by the vendor's
// published rules, keeps jobs that move with the clock, and writes down all
// that it saw in a [Ledger]. What exists in it is a [world.World]: accounts with
// their users, roles, instances, vaults and clusters.
//
// It shares nothing with the program it is used to test. The rules stand here
// a second time, from the vendor's pages, so that a mistake in one is caught
// by the other.
//
// A request passes through [rpc.Receive], the checks of a gateway (gateway.go,
// authenticate.go) and one operation of hbr, ecs or sts, and becomes a reply.
// Nothing is written to the client before the reply is complete and written
// down. Faults ([Cloud.SetFaults]) stop a request among the checks, or spoil its
// reply behind them (faults.go).
package emulator

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"backupportal/function/emulator/ecs"
	"backupportal/function/emulator/fault"
	"backupportal/function/emulator/hbr"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sts"
	"backupportal/function/emulator/world"
)

// Options say what a Cloud is made of. The zero value is the demo world on the
// wall clock.
type Options struct {
	// World is what exists. Nil means [world.Demo].
	World *world.World

	// Now is the only clock: of signatures, tokens and jobs. Nil means time.Now.
	Now func() time.Time

	// RequireTLS refuses STS over plain http, as the vendor does. The zero
	// value allows it, because an emulator on loopback has no certificate.
	RequireTLS bool
}

// A Cloud is an http.Handler that stands for every endpoint of Alibaba Cloud at
// once. It may be used by many goroutines. The world it was made from must not
// be changed afterwards.
type Cloud struct {
	world      world.Index
	now        func() time.Time
	requireTLS bool

	keys   sts.Keyring
	nonces nonces
	calls  journal
	faults atomic.Pointer[fault.Plan] // nil: nothing goes wrong

	hbr hbr.Service
	ecs ecs.Service
	sts sts.Service

	operations map[string]func(*rpc.Call) (any, error) // by api.Operation.Name
	control    http.Handler
}

// New returns a Cloud, or every mistake in the world of opts, joined.
func New(opts Options) (*Cloud, error) {
	w := opts.World
	if w == nil {
		w = world.Demo()
	}
	if err := w.Check(); err != nil {
		return nil, errors.Join(errors.New("emulator: the world does not hold together"), err)
	}
	c := &Cloud{now: opts.Now, requireTLS: opts.RequireTLS, world: world.NewIndex(w)}
	if c.now == nil {
		c.now = time.Now
	}
	for _, cred := range permanentKeys(c.world) {
		c.keys.Add(cred)
	}
	c.hbr.World, c.ecs.World, c.sts.World = c.world, c.world, c.world
	c.sts.Keys = &c.keys
	c.operations = c.operationTable()
	c.control = c.controlRoutes()
	return c, nil
}

// ServeHTTP answers the vendor's operations on "/" and the emulator's own
// control under "/_emulator/".
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_emulator/") {
		c.control.ServeHTTP(w, r)
		return
	}
	c.answer(w, r).Send(w, r)
}

// answer runs one request to its end and writes it down, refused or not.
func (c *Cloud) answer(w http.ResponseWriter, r *http.Request) fault.Reply {
	// Where plain http is taken for STS, it stands for https everywhere.
	k, err := rpc.Receive(w, r, c.now(), r.TLS != nil || !c.requireTLS)
	var body any
	if err == nil {
		body, err = c.perform(k)
	}
	rep := applyFaults(k, rpc.NewReply(k, body, err), err)
	c.calls.add(newEntry(k, rep))
	return rep
}

// perform puts a request through the gateway's checks, in the gateway's order,
// and then through its operation.
func (c *Cloud) perform(k *rpc.Call) (any, error) {
	for _, check := range []func(*rpc.Call) error{
		c.checkOperation,
		c.networkFault,
		c.authenticate,
		c.checkTransport,
		c.gatewayFault,
		c.checkRegion,
		c.authorize,
	} {
		if err := check(k); err != nil {
			return nil, err
		}
	}
	body, err := c.operations[k.Op.Name()](k)
	k.Effect = err == nil
	return body, err
}

// operationTable is what carries out each of [api.Operations], by its name.
func (c *Cloud) operationTable() map[string]func(*rpc.Call) (any, error) {
	return map[string]func(*rpc.Call) (any, error){
		"Sts.AssumeRole":        c.sts.AssumeRole,
		"Sts.GetCallerIdentity": c.sts.GetCallerIdentity,

		"hbr.CreateBackupJob":          c.hbr.CreateBackupJob,
		"hbr.DescribeBackupJobs2":      c.hbr.DescribeBackupJobs2,
		"hbr.CancelBackupJob":          c.hbr.CancelBackupJob,
		"hbr.DescribeVaults":           c.hbr.DescribeVaults,
		"hbr.DescribeBackupClients":    c.hbr.DescribeBackupClients,
		"hbr.DescribeContainerCluster": c.hbr.DescribeContainerCluster,
		"hbr.DescribeUdmSnapshots":     c.hbr.DescribeUdmSnapshots,
		"hbr.DescribeCrossAccounts":    c.hbr.DescribeCrossAccounts,
		"hbr.AddCrossAccount":          c.hbr.AddCrossAccount,
		"hbr.CheckRole":                c.hbr.CheckRole,
		"hbr.DescribeRegions":          c.hbr.DescribeRegions,

		"Ecs.DescribeInstances": c.ecs.DescribeInstances,
		"Ecs.DescribeDisks":     c.ecs.DescribeDisks,
		"Ecs.DescribeRegions":   c.ecs.DescribeRegions,
	}
}
