package emulator

import (
	"errors"

	"backupportal/function/emulator/fault"
	"backupportal/function/emulator/rpc"
)

// SetFaults replaces the schedule of faults, for example by
//
//	CreateBackupJob: ok, throttle, 500-after; AssumeRole: expired x2; *: latency 200ms 10%; seed 42
//
// Package fault has the grammar, docs/emulator.md describes the faults. An empty schedule ends
// all faults. Random choices depend only on the seed (default 0), the operation and the number of
// its earlier calls that took a step.
//
// An error names the column of the mistake; the previous schedule then stays in force.
func (c *Cloud) SetFaults(schedule string) error {
	s, err := fault.Parse(schedule)
	if err != nil {
		return err
	}
	c.faults.Store(fault.NewPlan(s))
	return nil
}

// Faults returns the unused steps as a schedule. It returns "" if no step is left. If this
// schedule is set again, its random choices start from the beginning.
func (c *Cloud) Faults() string {
	plan := c.faults.Load()
	if plan == nil {
		return ""
	}
	return plan.Left()
}

// errFault marks a call that a fault stopped before its effect. The faults of the call decide the
// answer.
var errFault = errors.New("emulator: stopped by a fault")

// networkFault applies the faults that happen before the gateway reads the signature. The nonce
// stays unused, so the client may send the same request again.
func (c *Cloud) networkFault(k *rpc.Call) error { return c.applyStep(k, fault.OnTheWay) }

// gatewayFault takes the step for all other faults. Only calls with a valid signature reach it.
// Faults after the effect are stored in k.Injection for applyFaults.
func (c *Cloud) gatewayFault(k *rpc.Call) error { return c.applyStep(k, fault.AtGate) }

// applyStep takes the call's step of the schedule, if it is due at this stage, and waits for a
// delay before the effect. It returns errFault if the operation must not be carried out. It holds
// no lock while it waits.
func (c *Cloud) applyStep(k *rpc.Call, at fault.Stage) error {
	plan := c.faults.Load()
	if plan == nil || k.Injection.Taken {
		return nil
	}
	faults, ok := plan.Take(k.Op.Action, at)
	if !ok {
		return nil
	}
	k.Injection = fault.Injection{Taken: true, Faults: faults} // may be empty, if the random choice was "no fault"
	if d := fault.Delay(faults, false); d > 0 {
		if !fault.Wait(k.HTTP.Context(), d) {
			k.Injection.Gone = true
			return errFault
		}
		k.At = c.now() // for the emulated cloud, the delayed request arrives now
	}
	if k.Injection.Stops() {
		return errFault
	}
	return nil
}

// applyFaults returns the reply that the client receives. A call that a fault stopped has no true
// answer, so only its request id is kept.
func applyFaults(k *rpc.Call, rep fault.Reply, err error) fault.Reply {
	if err == errFault {
		rep = fault.Reply{RequestID: k.ID}
	}
	return k.Injection.Apply(k, rep)
}
