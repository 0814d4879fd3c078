package view

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener in memory, so that time need not pass for its deadlines.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects as somebody who says nothing yet.
func (p *pipes) dial() net.Conn {
	mine, theirs := net.Pipe()
	p.connections <- theirs
	return mine
}

// served runs f, in a bubble of its own, with a server that has the time-outs
// of [Serve].
func served(t *testing.T, f func(t *testing.T, p *pipes, d *door)) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{connections: make(chan net.Conn), closed: make(chan struct{})}
		d := newDoor(&Handler{config: config{anyHost: true}}) // which answers 503
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- run(ctx, p, d, func() {}) }()
		f(t, p, d)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// seconds returns how long a connection stays on which a client sends a byte a
// second.
func seconds(c net.Conn, text string) int {
	go io.Copy(io.Discard, c)
	began := time.Now()
	for i := 0; ; i++ {
		b := byte('x')
		if i < len(text) {
			b = text[i]
		}
		if _, err := c.Write([]byte{b}); err != nil || i > 1000 {
			return int(time.Since(began).Seconds())
		}
		time.Sleep(time.Second)
	}
}

func within(t *testing.T, what string, got int, limit time.Duration) {
	t.Helper()
	if got > int(limit.Seconds())+1 {
		t.Errorf("%s: the connection stayed for %d seconds, want %v", what, got, limit)
	}
}

func TestSlowClientsAreLeft(t *testing.T) {
	served(t, func(t *testing.T, p *pipes, d *door) {
		within(t, "a byte of the header a second", seconds(p.dial(), "GET / HTTP/1.1\r\nHost: localhost\r\nX: "), headerTimeout)
	})
	served(t, func(t *testing.T, p *pipes, d *door) {
		c := p.dial()
		header := "POST " + d.path() + "consent HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
		_, err := io.WriteString(c, header)
		must(t, err)
		within(t, "a byte of the body a second", seconds(c, ""), readTimeout)
	})
	served(t, func(t *testing.T, p *pipes, d *door) {
		c := p.dial()
		_, err := io.WriteString(c, "GET "+d.path()+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
		must(t, err)
		began := time.Now()
		time.Sleep(writeTimeout + time.Second)
		if n, err := io.Copy(io.Discard, c); err != nil || n > 0 { // it was closed, with an answer nobody took
			t.Errorf("after %v: %d bytes, %v", time.Since(began), n, err)
		}
	})
	served(t, func(t *testing.T, p *pipes, d *door) {
		c := p.dial()
		_, err := io.WriteString(c, "GET "+d.path()+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
		must(t, err)
		began := time.Now()
		_, _ = io.Copy(io.Discard, c)
		within(t, "idle after an answer", int(time.Since(began).Seconds()), idleTimeout)
	})
}

// TestIdleConnectionsDoNotKeepTheOwnerOut: no time passes until the owner has
// an answer.
func TestIdleConnectionsDoNotKeepTheOwnerOut(t *testing.T) {
	served(t, func(t *testing.T, p *pipes, d *door) {
		began := time.Now()
		owner := p.dial()
		look(t, owner, d)
		idle := make([]net.Conn, 200)
		for i := range idle {
			idle[i] = p.dial()
		}
		synctest.Wait()
		look(t, owner, d) // which was there first, and is known
		look(t, p.dial(), d)
		if took := time.Since(began); took > 0 {
			t.Errorf("the owner waited for %v", took)
		}
		open := 0
		for _, c := range idle {
			if c.SetReadDeadline(time.Now()) == nil { // of one that the server closed it cannot be set
				open++
			}
		}
		stranger := p.dial()
		go io.WriteString(stranger, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		r, err := http.ReadResponse(bufio.NewReader(stranger), nil)
		must(t, err)
		if r.StatusCode != http.StatusNotFound || !r.Close {
			t.Errorf("a stranger's request: %d, and the connection stays: %v", r.StatusCode, !r.Close)
		}
		if open > maxStrangers {
			t.Errorf("%d connections that say nothing are open, want %d at most", open, maxStrangers)
		}
	})
}

// look makes a request with the secret.
func look(t *testing.T, c net.Conn, d *door) {
	t.Helper()
	go io.WriteString(c, "GET "+d.path()+"data HTTP/1.1\r\nHost: localhost\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	must(t, err)
	body, err := io.ReadAll(r.Body)
	must(t, err)
	if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "Nothing is recorded") {
		t.Errorf("%d %s", r.StatusCode, body)
	}
}
