package readme

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// wiretap is a receiver that keeps every byte of every connection to it.
type wiretap struct {
	*httptest.Server
	mu          sync.Mutex
	connections []*bytes.Buffer
}

// tap listens; answer is what the receiver says to each request.
func tap(t *testing.T, contentType, answer string) *wiretap {
	t.Helper()
	w := new(wiretap)
	w.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		rw.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(rw, answer)
	}))
	w.Listener = tappedListener{w.Listener, w}
	w.Start()
	t.Cleanup(w.Close)
	return w
}

type tappedListener struct {
	net.Listener
	tap *wiretap
}

func (l tappedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.tap.mu.Lock()
	defer l.tap.mu.Unlock()
	heard := new(bytes.Buffer)
	l.tap.connections = append(l.tap.connections, heard)
	return tappedConn{conn, l.tap, heard}, nil
}

type tappedConn struct {
	net.Conn
	tap   *wiretap
	heard *bytes.Buffer
}

func (c tappedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	c.heard.Write(b[:n])
	return n, err
}

// heardRequest is a request as it left: the lines before the body, and the body as it
// is after decompression.
type heardRequest struct {
	head []string
	body []byte
}

// requests returns all of them. What is left over on a connection fails the test.
func (w *wiretap) requests(t *testing.T) (all []heardRequest) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, heard := range w.connections {
		left := bytes.NewReader(heard.Bytes())
		for raw := bufio.NewReader(left); ; {
			at := heard.Bytes()[heard.Len()-left.Len()-raw.Buffered():]
			if len(at) == 0 {
				break
			}
			head, _, _ := bytes.Cut(at, []byte("\r\n\r\n"))
			req, err := http.ReadRequest(raw)
			if err != nil {
				t.Fatalf("what was sent is no request: %v\n%q", err, at)
			}
			body, err := io.ReadAll(req.Body)
			must(t, err)
			if req.Header.Get("Content-Encoding") == "gzip" {
				z, err := gzip.NewReader(bytes.NewReader(body))
				must(t, err)
				body, err = io.ReadAll(z)
				must(t, err)
			}
			all = append(all, heardRequest{strings.Split(string(head), "\r\n"), body})
		}
	}
	return all
}

// decoded returns the requests of OTLP.
func (w *wiretap) decoded(t *testing.T) (all []*collector.ExportMetricsServiceRequest) {
	t.Helper()
	for _, r := range w.requests(t) {
		message := new(collector.ExportMetricsServiceRequest)
		must(t, proto.Unmarshal(r.body, message))
		all = append(all, message)
	}
	return all
}

// headers returns the names of the headers, and the first line.
func (r heardRequest) headers() (first string, names []string) {
	for _, line := range r.head[1:] {
		name, _, _ := strings.Cut(line, ":")
		names = append(names, name)
	}
	slices.Sort(names)
	return r.head[0], names
}
