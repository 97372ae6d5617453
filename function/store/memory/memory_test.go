package memory_test

import (
	"testing"

	"backupportal/function/backup"
	"backupportal/function/store/memory"
	"backupportal/function/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) backup.Store { return memory.New() })
	storetest.RunLimits(t, func(*testing.T) backup.Limits { return memory.New() })
	storetest.RunAudit(t, func(*testing.T) storetest.Trail { return memory.New() })
}
