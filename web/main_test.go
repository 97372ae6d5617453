package web_test

import (
	"flag"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	// Gate tests mostly sleep, so more of them than processors run in parallel.
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
