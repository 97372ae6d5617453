package postgrestest

import (
	"os/exec"
	"runtime"
	"sync"
	"testing"
)

// A child must outlive the thread that requested it. The test ends its own threads while the
// children run.
func TestChildOutlivesRequestingThread(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends here
			cmd := exec.Command("cat")
			cmd.SysProcAttr = attributes(nil)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Error(err)
				return
			}
			ended, err := spawn(cmd)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() {
				in.Close()
				if err := <-ended; err != nil {
					t.Errorf("the child was ended: %v", err)
				}
			})
		})
	}
	all.Wait()
}
