package web_test

import (
	"flag"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	// The gates wait for seconds to pass, not for a processor.
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
