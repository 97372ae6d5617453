package store_test

import (
	"context"
	"testing"

	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/storetest"
)

// TestStoreReportsWaitsForCommits proves that Config.Waits is called with the caller's context once for each commit,
// and that its result is called when the commit has ended.
func TestStoreReportsWaitsForCommits(t *testing.T) {
	type key struct{}
	onBoth(t, func(t *testing.T, address string) {
		begun, ended := 0, 0
		db := openConfig(t, store.Config{
			URL: secret.New(address), Connections: 8, StatementTime: patience,
			Waits: func(ctx context.Context) func() {
				if ctx.Value(key{}) == t {
					begun++
				}
				return func() { ended++ }
			},
		})
		ctx := context.WithValue(t.Context(), key{}, t)
		for n := 1; n <= 2; n++ {
			if _, _, err := db.Claim(ctx, storetest.Record(n)); err != nil {
				t.Fatal(err)
			}
			if begun != n || ended != n {
				t.Errorf("after %d claims: %d waits began and %d ended", n, begun, ended)
			}
		}
	})
}
