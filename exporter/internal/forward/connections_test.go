package forward

import (
	"errors"
	"net"
	"testing"
)

func TestNoConnectionOutlivesClose(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := newConnections(nil)
	dial := func() net.Conn {
		conn, err := c.dial(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	closed, open := dial(), dial()
	if err := closed.Close(); err != nil || len(c.open) != 1 {
		t.Errorf("%d connections are open, %v", len(c.open), err)
	}
	c.close()
	if _, err := open.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("an open connection reads %v", err)
	}
	if _, err := c.dial(t.Context(), "tcp", l.Addr().String()); err == nil {
		t.Error("a connection can be made after close")
	}
	_ = open.Close()
}

// A server of another protocol may speak first. net/http prints what it hears
// before it has written a request.
func TestConnectionHearsNothingBeforeItHasSpoken(t *testing.T) {
	client, server := net.Pipe()
	defer server.Close()
	c := &connection{Conn: client, in: newConnections(nil), spoken: make(chan struct{})}
	heard := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 8))
		heard <- err
	}()
	said := make(chan error)
	go func() {
		_, err := server.Write([]byte("SETTINGS")) // is read only once the client listens
		said <- err
	}()
	go func() {
		_, err := server.Read(make([]byte, 8))
		said <- err
	}()
	select {
	case err := <-heard:
		t.Errorf("heard before it spoke: %v", err)
	case err := <-said:
		t.Errorf("was listened to before it spoke: %v", err)
	case <-c.spoken:
		t.Error("spoke by itself")
	default:
	}
	if _, err := c.Write([]byte("GET")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-said; err != nil {
			t.Error(err)
		}
	}
	if err := <-heard; err != nil {
		t.Error(err)
	}
	_ = c.Close()
}

// Closing lets a reader go that never spoke.
func TestClosedConnectionThatNeverSpoke(t *testing.T) {
	client, server := net.Pipe()
	defer server.Close()
	c := &connection{Conn: client, in: newConnections(nil), spoken: make(chan struct{})}
	heard := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 1))
		heard <- err
	}()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-heard; err == nil {
		t.Error("a closed connection was read")
	}
}
