package main

import (
	"context"
	"net"
	"testing"
	"time"
)

// TestRun: it listens until it is told to end.
func TestRun(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, address, t.TempDir(), "otelusage", 2) }()
	var dialer net.Dialer
	bound, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := dialer.DialContext(bound, "tcp", address)
		if err == nil {
			_ = conn.Close() // it has told that somebody listens
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		case <-bound.Done():
			t.Fatal(err)
		case <-tick.C:
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, address := range []string{"nowhere", "0.0.0.0:9092", "localhost:9092", "127.0.0.1:http"} {
		if err := run(t.Context(), address, "", "otelusage", 1); err == nil {
			t.Errorf("it listens on %s", address)
		}
	}
}
