package forward

import (
	"context"
	"net"
	"sync"
	"time"
)

// Dial makes a connection, as the DialContext of http.Transport does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// connections dials, and remembers what is open so that it can be closed.
// http.Transport.CloseIdleConnections is not enough: it knows nothing of a
// connection that is still being dialled for a request that was given up.
type connections struct {
	connect Dial
	life    context.Context
	end     context.CancelFunc

	mu   sync.Mutex // guards open, and that none is added once life has ended
	open map[*connection]struct{}
}

// newConnections returns a set without connections, which are made by connect,
// nil for the network's.
func newConnections(connect Dial) *connections {
	if connect == nil {
		connect = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	c := &connections{connect: connect, open: make(map[*connection]struct{})}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// dial is a DialContext for http.Transport.
func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	conn, err := c.connect(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.Err() != nil {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	tracked := &connection{Conn: conn, in: c, spoken: make(chan struct{})}
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
		conn.speak()
		_ = conn.Conn.Close()
	}
}

// connection leaves the set when it is closed. It hears nothing before it has
// spoken: a server of another protocol, such as gRPC, may speak first, and what
// arrives before a request is written net/http prints, instead of returning it.
type connection struct {
	net.Conn
	in     *connections
	spoken chan struct{}
	once   sync.Once
}

func (c *connection) speak() { c.once.Do(func() { close(c.spoken) }) }

// Read implements [net.Conn].
func (c *connection) Read(b []byte) (int, error) {
	<-c.spoken
	return c.Conn.Read(b)
}

// Write implements [net.Conn].
func (c *connection) Write(b []byte) (int, error) {
	c.speak()
	return c.Conn.Write(b)
}

// Close implements [net.Conn].
func (c *connection) Close() error {
	c.speak()
	c.in.mu.Lock()
	delete(c.in.open, c)
	c.in.mu.Unlock()
	return c.Conn.Close()
}
