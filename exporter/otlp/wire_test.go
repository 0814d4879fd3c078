package otlp

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// printed catches what net/http prints.
func printed(t *testing.T) *bytes.Buffer {
	var b bytes.Buffer
	log.SetOutput(&b)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	return &b
}

// TestAnUpgradeEndsAnExport: after 101 the body is the connection itself, whose
// reads no context ends.
func TestAnUpgradeEndsAnExport(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		released := make(chan struct{})
		defer close(released)
		r := startReceiver(t, hijack(t, func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			<-released
		}), nil)
		e := newExporter(t, WithEndpointURL(r.URL))
		ended := make(chan error, 1)
		go func() { ended <- e.Export(t.Context(), delta(1)) }()
		select {
		case err := <-ended:
			if o := outcomeOf(t, err); o.Status != http.StatusSwitchingProtocols {
				t.Errorf("got %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("Export did not return")
		}
	})
}

// TestMoreThanAnAnswerIsNotPrinted: net/http prints what it hears on an idle
// connection, and takes what it hears a moment later for the next answer.
func TestMoreThanAnAnswerIsNotPrinted(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		said := printed(t)
		left := make(chan struct{}, 2)
		r := startReceiver(t, hijack(t, func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 BUY THIS\r\n\r\n")
			_, _ = io.Copy(io.Discard, c) // until the client has gone
			left <- struct{}{}
		}), nil)
		e := newExporter(t, WithEndpointURL(r.URL))
		for range 2 {
			if err := e.Export(t.Context(), delta(1)); err != nil {
				t.Fatal(err)
			}
			<-left
		}
		if got := len(r.requests()); got != 2 || said.Len() > 0 {
			t.Errorf("%d requests arrived, printed %q", got, said)
		}
	})
}

// TestBrokenHTTP2IsNotPrinted: net/http prints what breaks the rules of HTTP/2.
func TestBrokenHTTP2IsNotPrinted(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		said := printed(t)
		issuer := httptest.NewTLSServer(nil) // for its certificate alone
		defer issuer.Close()
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: issuer.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		left := make(chan string, 1)
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			_ = c.(*tls.Conn).Handshake()
			protocol := c.(*tls.Conn).ConnectionState().NegotiatedProtocol
			if protocol == "h2" {
				_, _ = c.Write([]byte{0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}) // PING before SETTINGS
			} else if request, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.Copy(io.Discard, request.Body)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
			_, _ = io.Copy(io.Discard, c)
			left <- protocol
		}()
		pool := x509.NewCertPool()
		pool.AddCert(issuer.Certificate())
		e := newExporter(t, WithEndpointURL("https://"+l.Addr().String()), WithTLSConfig(&tls.Config{RootCAs: pool}))
		err = e.Export(t.Context(), delta(1))
		if protocol := <-left; err != nil || said.Len() > 0 {
			t.Errorf("over %q: %v, printed %q", protocol, err, said)
		}
	})
}
