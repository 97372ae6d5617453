package emulator

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/rpc"
)

// A Function is a function of Function Compute: it handles one event. retry is the number of earlier attempts. An error
// makes the platform try again.
type Function func(ctx context.Context, event []byte, retry int) error

// mostInvocations is how often an asynchronous invocation is attempted: the default of the platform is three times.
const mostInvocations = 3

// functions keeps the functions and the asynchronous invocations of a [Cloud].
type functions struct {
	byName map[string]Function

	mu      sync.Mutex
	tasks   map[string]bool // function, "/" and task id of asynchronous invocations
	running sync.WaitGroup
}

// taskID matches the header x-fc-async-task-id.
var taskID = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,127}$`)

// invokeFunction carries out InvokeFunction ("InvokeFunction", FC 2023-03-30) with the type Async: it stores the event, and
// a goroutine calls the function, at least once and at most mostInvocations times. A task id that was used before is
// refused with 409. Synchronous invocations are not emulated.
//
// The codes of the refusals are those of the older API of Function Compute; the page of the present one lists none.
func (c *Cloud) invokeFunction(k *rpc.Call) (any, error) {
	rest, _ := strings.CutPrefix(k.HTTP.URL.Path, "/"+api.FCVersion+"/functions/")
	name, invocations := strings.CutSuffix(rest, "/invocations")
	if !invocations || k.HTTP.Method != http.MethodPost || strings.Contains(name, "/") {
		return nil, rpc.Refuse(http.StatusNotFound, "InvalidApi.NotFound", "the path is not that of InvokeFunction")
	}
	if err := k.Require("fc:InvokeFunction", "acs:fc:"+c.world.Regions[0]+":"+k.Caller.Account.ID+":functions/"+name); err != nil {
		return nil, err
	}
	f := c.functions.byName[name]
	if f == nil {
		return nil, rpc.Refuse(http.StatusNotFound, "FunctionNotFound", "function %q does not exist", name)
	}
	if how := k.HTTP.Header.Get("x-fc-invocation-type"); how != "Async" {
		return nil, rpc.Refuse(http.StatusBadRequest, "InvalidArgument", "this emulator has asynchronous invocations only, not %q", how)
	}
	id := k.HTTP.Header.Get("x-fc-async-task-id")
	if id != "" && !taskID.MatchString(id) {
		return nil, rpc.Refuse(http.StatusBadRequest, "InvalidArgument", "the task id is not valid")
	}
	if id != "" && !c.functions.claim(name+"/"+id) {
		return nil, rpc.Refuse(http.StatusConflict, "StatefulAsyncInvocationAlreadyExists", "the task %q exists", id)
	}
	c.functions.running.Go(func() {
		for retry := range mostInvocations {
			if f(context.WithoutCancel(k.HTTP.Context()), k.Body, retry) == nil {
				return
			}
		}
	})
	return rpc.Accepted{}, nil
}

// claim reports whether a task is new, and remembers it.
func (f *functions) claim(task string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tasks[task] {
		return false
	}
	f.tasks[task] = true
	return true
}

// WaitForFunctions waits until all asynchronous invocations have ended, also those that they made.
func (c *Cloud) WaitForFunctions() { c.functions.running.Wait() }
