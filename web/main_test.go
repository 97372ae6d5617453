package web_test

import (
	"flag"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	// Gate tests mostly sleep, so the test binary runs more tests in parallel than there are
	// processors.
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
