package hq

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/forward"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// pipes is a listener without a network, whose time synctest can tell.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// withoutNetwork runs f in a bubble. A goroutine that is left at its end fails
// the test.
func withoutNetwork(t *testing.T, timeout time.Duration, answer http.HandlerFunc, f func(*testing.T, *Exporter)) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// Only then does the server notice that the client went away.
			_, _ = io.Copy(io.Discard, r.Body)
			answer(w, r)
		})}
		go func() { _ = server.Serve(p) }()
		e, err := New(Config{Host: "http://hq.invalid", APIKey: testKey, Timeout: timeout})
		if err != nil {
			t.Fatal(err)
		}
		e.client.link = forward.NewLink(forward.LinkConfig{Dial: p.dial, UncompressedAnswer: true})
		f(t, e)
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		stacks := make([]byte, 1<<20)
		for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			// Those of other tests, whose network is real, may still be ending.
			if strings.Contains(stack, "synctest bubble") && strings.Contains(stack, "net/http.(*persistConn)") {
				t.Errorf("a goroutine of the client is left:\n%s", stack)
			}
		}
		_ = server.Close()
	})
}

func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestSilenceEndsWithTheTimeout(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{0: 10 * time.Second, time.Minute: time.Minute} {
		withoutNetwork(t, timeout, silent, func(t *testing.T, e *Exporter) {
			began := time.Now()
			err := e.Export(t.Context(), sample())
			o := outcomeOf(t, err)
			if o.Class != outcome.Transient || o.Status != 0 || !errors.Is(err, context.DeadlineExceeded) ||
				!strings.Contains(o.Reason, "hq.invalid did not answer within "+want.String()) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took != want {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestAnAnswerThatDripsEndsWithTheTimeout(t *testing.T) {
	withoutNetwork(t, 0, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("Succ"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}, func(t *testing.T, e *Exporter) {
		err := e.Export(t.Context(), sample())
		if o := outcomeOf(t, err); o.Class != outcome.Transient || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAContextThatEndsSoonerWins(t *testing.T) {
	withoutNetwork(t, time.Hour, silent, func(t *testing.T, e *Exporter) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := e.Export(ctx, sample())
		if o := outcomeOf(t, err); o.Class != outcome.Transient || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("got %v", err)
		}
	})
}

func TestNoGoroutineIsLeft(t *testing.T) {
	for _, answer := range []http.HandlerFunc{
		accept, reply(200, "text/html", "Upload failed"), reply(503, "text/html", ""),
		reply(200, "text/html", strings.Repeat(loginPage, 1000)), // more than is read
	} {
		withoutNetwork(t, 0, answer, func(t *testing.T, e *Exporter) {
			for range 3 {
				_ = e.Export(t.Context(), sample())
			}
		})
	}
}

// TestServerThatSpeaksFirstMakesNothingPrint: net/http prints what it hears
// before it has asked, such as the greeting of a gRPC server.
func TestServerThatSpeaksFirstMakesNothingPrint(t *testing.T) {
	var printed bytes.Buffer
	log.SetOutput(&printed)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "SETTINGS\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	}()
	err = newExporter(t, Config{Host: "http://" + l.Addr().String()}).Export(t.Context(), sample())
	if o := outcomeOf(t, err); o.Class != outcome.Transient {
		t.Errorf("got %v", err)
	}
	<-ended
	if printed.Len() > 0 {
		t.Errorf("printed %q", &printed)
	}
}

// TestAnUpgradeEndsAnUpload: after 101 the body is the connection itself, whose
// reads no context ends.
func TestAnUpgradeEndsAnUpload(t *testing.T) {
	released := make(chan struct{})
	defer close(released)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		<-released
	}))
	t.Cleanup(s.Close)
	e := newExporter(t, Config{Host: s.URL})
	ended := make(chan error, 1)
	go func() { ended <- e.Export(t.Context(), sample()) }()
	select {
	case err := <-ended:
		if o := outcomeOf(t, err); o.Status != http.StatusSwitchingProtocols || o.Class != outcome.Unknown {
			t.Errorf("got %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("Export did not return")
	}
}

// TestShutdownLeavesNoConnection, also none that a proxy or TLS keeps from being
// made, for which its request did not wait.
func TestShutdownLeavesNoConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if conn, err := l.Accept(); err == nil {
			_, _ = io.Copy(io.Discard, conn) // a handshake that is never answered
			_ = conn.Close()
		}
	}()
	e := newExporter(t, Config{Host: "https://" + l.Addr().String(), Timeout: 10 * time.Millisecond})
	if o := outcomeOf(t, e.Export(t.Context(), sample())); o.Class != outcome.Transient {
		t.Errorf("got %+v", o)
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Error("a connection outlives Shutdown")
	}
}
