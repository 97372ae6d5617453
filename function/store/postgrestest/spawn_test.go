package postgrestest

import (
	"os/exec"
	"runtime"
	"sync"
	"testing"
)

// TestChildOutlivesRequestingThread proves that a child process continues when the thread that
// requested it ends. The test ends threads while their children run.
func TestChildOutlivesRequestingThread(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			runtime.LockOSThread() // never unlocked, so the thread ends with this goroutine
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
