package emulator

import (
	"errors"

	"backupportal/function/emulator/fault"
	"backupportal/function/emulator/rpc"
)

// SetFaults replaces the schedule of faults: the text that says which of the next calls fail,
// and how. For example:
//
//	CreateBackupJob: ok, throttle, 500-after; AssumeRole: expired x2; *: latency 200ms 10%; seed 42
//
// The comment of package fault has the grammar, docs/emulator.md describes each fault. An empty
// schedule removes all faults. Random choices depend only on the seed (default 0), the
// operation, and the number of its earlier calls that used a step of the schedule.
//
// An error names the column of the mistake; the previous schedule then stays in use.
func (c *Cloud) SetFaults(schedule string) error {
	s, err := fault.Parse(schedule)
	if err != nil {
		return err
	}
	c.faults.Store(fault.NewPlan(s))
	return nil
}

// Faults returns the steps of the schedule that were not used yet, as text. It returns "" if
// none is left. If the text is set as a new schedule, its random choices start from the
// beginning.
func (c *Cloud) Faults() string {
	plan := c.faults.Load()
	if plan == nil {
		return ""
	}
	return plan.Left()
}

// errFault means that a fault has stopped the call before the operation was performed. The
// faults of the call decide the answer.
var errFault = errors.New("emulator: stopped by a fault")

// networkFault applies the faults that happen before the gateway reads the signature. The nonce
// of the request is not used up, so the client may send the same request again.
func (c *Cloud) networkFault(k *rpc.Call) error { return c.applyStep(k, fault.OnTheWay) }

// gatewayFault selects and applies the faults that happen after a valid signature was found. It
// stores faults of the answer in k.Injection; applyFaults applies them later.
func (c *Cloud) gatewayFault(k *rpc.Call) error { return c.applyStep(k, fault.AtGate) }

// applyStep takes the step of the fault schedule that is for this call, if its faults happen at
// this stage. It waits for a delay before the operation. It returns errFault if a fault
// prevents the operation. It holds no lock while it waits.
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

// applyFaults returns the reply that the client receives: the real one, changed by the call's
// faults. If a fault has stopped the call, there is no real reply, and only its request id is
// used.
func applyFaults(k *rpc.Call, rep fault.Reply, err error) fault.Reply {
	if err == errFault {
		rep = fault.Reply{RequestID: k.ID}
	}
	return k.Injection.Apply(k, rep)
}
