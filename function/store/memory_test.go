package store_test

import (
	"testing"

	"backupportal/function/backup"
	"backupportal/function/store"
	"backupportal/function/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) backup.Store { return &store.Memory{} })
}
