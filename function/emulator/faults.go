package emulator

import (
	"errors"

	"backupportal/function/emulator/fault"
	"backupportal/function/emulator/rpc"
)

// SetFaults lets calls fail by a schedule like
//
//	CreateBackupJob: ok, throttle, 500-after; AssumeRole: expired x2; *: latency 200ms 10%; seed 42
//
// from now on, in place of the one before; docs/emulator.md has the grammar and
// the faults. An empty schedule ends all faults. What a percentage decides
// depends on the seed, the operation and how many of its calls came before, and
// on nothing else; without a seed it is 0. An error names the column, and
// leaves the schedule before in force.
func (c *Cloud) SetFaults(schedule string) error {
	s, err := fault.Parse(schedule)
	if err != nil {
		return err
	}
	c.faults.Store(fault.NewPlan(s))
	return nil
}

// Faults returns what is left of the schedule, as a schedule. It is empty when
// nothing more will go wrong. Taken as a new schedule it throws its dice from
// the start.
func (c *Cloud) Faults() string {
	plan := c.faults.Load()
	if plan == nil {
		return ""
	}
	return plan.Left()
}

// errFault stops a call before its effect; its faults say what the answer is.
var errFault = errors.New("emulator: stopped by a fault")

// faultOnTheWay plays what happens to a request before anybody reads its
// signature. Its nonce stays unspent: sent again, the same request is good.
func (c *Cloud) networkFault(k *rpc.Call) error { return c.applyStep(k, fault.OnTheWay) }

// faultAtGate plays all other faults, or prepares them if they come later. Only
// calls whose signature is good get here.
func (c *Cloud) gatewayFault(k *rpc.Call) error { return c.applyStep(k, fault.AtGate) }

// play takes the call's step, if it is due at this place, and lets happen what
// comes before the effect. No lock is held while it waits.
func (c *Cloud) applyStep(k *rpc.Call, at fault.Place) error {
	plan := c.faults.Load()
	if plan == nil || k.Course.Taken {
		return nil
	}
	faults, ok := plan.Take(k.Op.Action, at)
	if !ok {
		return nil
	}
	k.Course = fault.Course{Taken: true, Faults: faults} // none, where the dice said so
	if d := fault.Delay(faults, false); d > 0 {
		if !fault.Wait(k.HTTP.Context(), d) {
			k.Course.Gone = true
			return errFault
		}
		k.At = c.now() // for the cloud, the request arrives now
	}
	if k.Course.Stops() {
		return errFault
	}
	return nil
}

// spoil makes an answer into what the client is to see of it. One that a fault
// stopped has no answer yet.
func applyFaults(k *rpc.Call, rep fault.Reply, err error) fault.Reply {
	if err == errFault {
		rep = fault.Reply{RequestID: k.ID}
	}
	return k.Course.Spoil(k, rep)
}
