package otlp

import (
	"context"
	"net"
	"sync"
	"time"
)

// connections dials, and remembers what is open so that Shutdown can close it.
// http.Transport.CloseIdleConnections is not enough: an HTTP/2 connection whose
// last stream ends that very moment, or one that is still being dialled for a
// request that was given up, would stay for the idle timeout.
type connections struct {
	dialer net.Dialer
	life   context.Context
	end    context.CancelFunc

	mu   sync.Mutex
	open map[*connection]struct{}
}

func newConnections() *connections {
	c := &connections{
		dialer: net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second},
		open:   make(map[*connection]struct{}),
	}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// dial is a DialContext for http.Transport.
func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	conn, err := c.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.Err() != nil {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	tracked := &connection{Conn: conn, in: c}
	c.open[tracked] = struct{}{}
	return tracked, nil
}

// close closes every connection and lets no other come into being.
func (c *connections) close() {
	c.mu.Lock()
	c.end()
	open := c.open
	c.open = nil
	c.mu.Unlock()
	for conn := range open {
		_ = conn.Conn.Close()
	}
}

// connection leaves the set when it is closed.
type connection struct {
	net.Conn
	in *connections
}

// Close implements [net.Conn].
func (c *connection) Close() error {
	c.in.mu.Lock()
	delete(c.in.open, c)
	c.in.mu.Unlock()
	return c.Conn.Close()
}
