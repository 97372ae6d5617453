package batch_test

import (
	"os"
	"testing"

	"backupportal/function/store/postgrestest"
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Run(m)) }
