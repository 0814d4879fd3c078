// Package receiver is a small OTLP/HTTP receiver for metrics: it listens on
// loopback, accepts everything and keeps it.
package receiver

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"
)

const (
	path        = "/v1/metrics"
	contentType = "application/x-protobuf"

	// maxBody limits the size of a decompressed request.
	maxBody = 16 << 20
)

// Receiver is a running receiver. All methods may be called concurrently.
type Receiver struct {
	server http.Server
	url    string
	done   chan error

	mu       sync.Mutex
	requests []*colmetricpb.ExportMetricsServiceRequest
}

// Start listens on a free port of the loopback interface.
func Start() (*Receiver, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start receiver: %w", err)
	}
	r := &Receiver{url: "http://" + listener.Addr().String() + path, done: make(chan error, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+path, r.serve)
	r.server.Handler, r.server.ReadHeaderTimeout = mux, 10*time.Second
	go func() { r.done <- r.server.Serve(listener) }()
	return r, nil
}

// URL is the endpoint to send to.
func (r *Receiver) URL() string { return r.url }

// Requests returns what was received so far, oldest first.
func (r *Receiver) Requests() []*colmetricpb.ExportMetricsServiceRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Close stops the receiver and closes its connections. The received requests
// can still be read. Later calls do nothing.
func (r *Receiver) Close() error {
	err := r.server.Close()
	if served, open := <-r.done; open {
		close(r.done)
		if !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
	}
	if err != nil {
		return fmt.Errorf("close receiver: %w", err)
	}
	return nil
}

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request) {
	metrics, err := decode(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := proto.Marshal(new(colmetricpb.ExportMetricsServiceResponse))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	r.mu.Lock()
	r.requests = append(r.requests, metrics)
	r.mu.Unlock()
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(answer) // a client that has gone will send it again
}

func decode(req *http.Request) (*colmetricpb.ExportMetricsServiceRequest, error) {
	if got := req.Header.Get("Content-Type"); got != contentType {
		return nil, fmt.Errorf("content type is %q, want %q", got, contentType)
	}
	body := io.Reader(req.Body)
	if req.Header.Get("Content-Encoding") == "gzip" {
		zip, err := gzip.NewReader(req.Body)
		if err != nil {
			return nil, fmt.Errorf("decompress request: %w", err)
		}
		body = zip
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	if len(raw) > maxBody {
		return nil, fmt.Errorf("request is larger than %d bytes", maxBody)
	}
	metrics := new(colmetricpb.ExportMetricsServiceRequest)
	if err := proto.Unmarshal(raw, metrics); err != nil {
		return nil, fmt.Errorf("decode request: %w", err)
	}
	return metrics, nil
}
