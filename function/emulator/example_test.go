package emulator_test

import (
	"fmt"
	"net/http/httptest"
	"time"

	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
)

// Example shows how a test of another package serves a Cloud, uses its address as the endpoint,
// advances the clock, and reads the ledger.
func Example() {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	world := world.Demo()
	world.JobDuration = 5 * time.Minute
	cloud, err := emulator.New(emulator.Options{World: world, Now: func() time.Time { return now }})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(cloud)
	defer server.Close()

	// … the program under test makes its calls to server.URL …

	now = now.Add(time.Minute)
	fmt.Println(len(cloud.Ledger().CallsOf("CreateBackupJob")), "calls,", len(cloud.Ledger().Jobs), "jobs")
	// Output: 0 calls, 0 jobs
}
