// Package emulator answers HTTP requests like Alibaba Cloud.
//
// It is for tests, and for people without an account. A [Cloud] emulates Cloud Backup, STS and
// ECS on one address. It verifies signatures, checks each request by the vendor's published
// rules, evaluates RAM policies, and keeps jobs whose state follows the clock. It records every
// call in a [Ledger]. The accounts and their resources are a [world.World].
//
// It shares no code with the program that it tests. Its rules are written from the vendor's pages
// a second time, so that a mistake in one of the two is found by a test.
//
// A request passes these steps (package rpc lists the checks):
//
//	rpc.Receive       decode the request
//	perform           checks of the gateway, then one operation of hbr, ecs or sts
//	rpc.NewReply      encode the answer or the refusal
//	applyFaults       change the reply, if the call has a fault
//	journal.add       record call and reply
//	fault.Reply.Send  write to the client
//
// Nothing is written to the client before the call is recorded.
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

// Options configure a [Cloud]. The zero value is the demo world with the wall clock, without TLS.
type Options struct {
	// World is the state before the first call. Nil means [world.Demo].
	World *world.World

	// Now is the clock for signatures, tokens and jobs. Only the delays of faults use real time.
	// Nil means time.Now.
	Now func() time.Time

	// RequireTLS refuses plain http for operations that the vendor offers over https only. False
	// allows it, because an emulator on loopback has no certificate.
	RequireTLS bool

	// Functions are the functions of Function Compute that InvokeFunction finds, by their names. They belong to the first
	// account of the world.
	Functions map[string]Function
}

// A Cloud is an http.Handler that emulates all endpoints of Alibaba Cloud. It is safe for
// concurrent use. Create it with [New].
type Cloud struct {
	world      world.Index
	now        func() time.Time
	requireTLS bool

	keys   sts.Keyring
	nonces nonces
	calls  journal
	faults atomic.Pointer[fault.Plan] // nil: no faults

	functions functions

	hbr hbr.Service
	ecs ecs.Service
	sts sts.Service

	operations map[string]func(*rpc.Call) (any, error) // handlers by api.Operation.Name
	control    http.Handler                            // handler of the routes under /_emulator/
}

// New returns a Cloud. The error lists every mistake in the world of opts. The world must not be
// changed afterwards, because the Cloud shares parts of it.
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
	c.functions = functions{byName: opts.Functions, tasks: map[string]bool{}}
	c.operations = c.operationTable()
	c.control = c.controlRoutes()
	return c, nil
}

// ServeHTTP answers the vendor's operations on "/" and the emulator's own routes under
// "/_emulator/".
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_emulator/") {
		c.control.ServeHTTP(w, r)
		return
	}
	c.answer(w, r).Send(w, r)
}

// answer processes one request, records it in the journal, and returns the reply. Refused
// requests are recorded too.
func (c *Cloud) answer(w http.ResponseWriter, r *http.Request) fault.Reply {
	// If plain http is allowed, every request counts as secure.
	k, err := rpc.Receive(w, r, c.now(), r.TLS != nil || !c.requireTLS)
	var body any
	if err == nil {
		body, err = c.perform(k)
	}
	rep := applyFaults(k, rpc.NewReply(k, body, err), err)
	c.calls.add(newEntry(k, rep))
	return rep
}

// perform runs the checks of the vendor's API gateway in their order, then the operation. The
// first error becomes the answer.
func (c *Cloud) perform(k *rpc.Call) (any, error) {
	for _, check := range []func(*rpc.Call) error{
		c.checkOperation,
		c.networkFault,
		c.authenticate,
		checkRepeated,
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

// operationTable returns the handler of each operation in [api.Operations], by its name. A test
// checks that none is missing.
func (c *Cloud) operationTable() map[string]func(*rpc.Call) (any, error) {
	return map[string]func(*rpc.Call) (any, error){
		"Sts.AssumeRole":        c.sts.AssumeRole,
		"Sts.GetCallerIdentity": c.sts.GetCallerIdentity,

		"hbr.CreateBackupJob":           c.hbr.CreateBackupJob,
		"hbr.DescribeContainerResource": c.hbr.DescribeContainerResource,
		"hbr.ListProtectedResources":    c.hbr.ListProtectedResources,
		"hbr.DeleteCrossAccount":        c.hbr.DeleteCrossAccount,
		"hbr.DescribeBackupJobs2":       c.hbr.DescribeBackupJobs2,
		"hbr.CancelBackupJob":           c.hbr.CancelBackupJob,
		"hbr.DescribeVaults":            c.hbr.DescribeVaults,
		"hbr.DescribeBackupClients":     c.hbr.DescribeBackupClients,
		"hbr.DescribeContainerCluster":  c.hbr.DescribeContainerCluster,
		"hbr.DescribeUdmSnapshots":      c.hbr.DescribeUdmSnapshots,
		"hbr.DescribeCrossAccounts":     c.hbr.DescribeCrossAccounts,
		"hbr.AddCrossAccount":           c.hbr.AddCrossAccount,
		"hbr.CheckRole":                 c.hbr.CheckRole,
		"hbr.DescribeRegions":           c.hbr.DescribeRegions,

		"Ecs.DescribeInstances": c.ecs.DescribeInstances,
		"Ecs.DescribeDisks":     c.ecs.DescribeDisks,
		"Ecs.DescribeRegions":   c.ecs.DescribeRegions,

		"FC.InvokeFunction": c.invokeFunction,
	}
}
