package otlp

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
	c := newConnections()
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
