package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func TestLocalSaysWhereItListensAndServes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, "127.0.0.1:0", "127.0.0.1:0", w, slog.New(slog.DiscardHandler)) }()
	var portal, emulator string
	if _, err := fmt.Fscanf(r, "portal %s\nemulator %s\n", &portal, &emulator); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		portal + "/":                    "Demonstration",
		portal + "/backups/new/UDM_ECS": "Instance ID",
		emulator + "/_emulator/ledger":  `"calls"`,
	} {
		res, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, error %v, lacks %q", address, res.Status, err, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestLocalIsNotForOtherMachines(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0"} {
		if err := run(t.Context(), addr, "127.0.0.1:0", io.Discard, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "loopback") {
			t.Errorf("%s: got %v", addr, err)
		}
	}
}
