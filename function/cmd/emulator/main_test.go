package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOneLineSaysWhereItListensAndCancelEndsIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-addr", "127.0.0.1:0"}, in, io.Discard)
		in.Close()
		done <- err
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("it ended without a line: %v", <-done)
	}
	url, ok := strings.CutPrefix(lines.Text(), "emulator ")
	if !ok {
		t.Fatalf("the line is %q", lines.Text())
	}
	resp, err := http.Get(url + "/_emulator/ledger")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if string(body) != `{"calls":[],"jobs":[]}`+"\n" {
		t.Errorf("the ledger is %s", body)
	}
	cancel()
	if lines.Scan() {
		t.Errorf("a second line: %q", lines.Text())
	}
	if err := <-done; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestItRefusesToStart(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "world.yaml")
	if err := os.WriteFile(broken, []byte("regions: [cn-hangzhou]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"on all addresses", []string{"-addr", ":0"}, "not a loopback address"},
		{"on an address of others", []string{"-addr", "192.0.2.1:9100"}, "not a loopback address"},
		{"on no address", []string{"-addr", "localhost"}, "not a loopback address"},
		{"with a word too many", []string{"now"}, "unexpected argument"},
		{"with a flag that does not exist", []string{"-fast"}, "not defined"},
		{"without its world", []string{"-world", filepath.Join(t.TempDir(), "none")}, "no such file"},
		{"with a world that cannot be", []string{"-world", broken}, "at least one account"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := run(t.Context(), tt.args, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want something about %q", err, tt.want)
			}
		})
	}
}
