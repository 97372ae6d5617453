package emulator

import "testing"

func TestEveryOperationIsCarriedOut(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range operations {
		if c.operations[op.name()] == nil {
			t.Errorf("%s is in the table, and nothing carries it out", op.name())
		}
	}
	if len(c.operations) != len(operations) {
		t.Errorf("%d operations are carried out, %d are in the table", len(c.operations), len(operations))
	}
}
