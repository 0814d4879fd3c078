package faulty

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// Fault is one way to answer a request.
type Fault struct {
	Name    string
	Process bool // whether the request is taken in before the answer goes wrong
	Reject  int  // how many points of it are rejected
	answer  func(*Receiver, http.ResponseWriter, *http.Request)
}

// Receiver is an OTLP endpoint on loopback.
type Receiver struct {
	*httptest.Server
	*Streams

	mu       sync.Mutex
	next     func() Fault
	bodies   [][]byte
	active   map[string]bool // bodies that are being answered
	overlaps int
	limit    int           // points a request may have, 0 for any
	released chan struct{} // closed at the end, for answers that never come
}

// Start begins to receive. Every request is answered well until Behave says
// otherwise.
func Start() *Receiver {
	r := &Receiver{Streams: NewStreams(), next: func() Fault { return Well }, active: make(map[string]bool), released: make(chan struct{})}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	return r
}

// Close ends the receiver and every answer that is held back.
func (r *Receiver) Close() {
	close(r.released)
	r.Server.CloseClientConnections()
	r.Server.Close()
}

// Behave asks next how to answer each request from now on. It is called by one
// request at a time.
func (r *Receiver) Behave(next func() Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = next
}

// Limit refuses requests of more than n points with 413.
func (r *Receiver) Limit(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limit = n
}

// Bodies returns every request that arrived, decompressed.
func (r *Receiver) Bodies() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([][]byte(nil), r.bodies...)
}

// Overlaps returns how often a request arrived while the very same one was
// being answered: two senders of one batch.
func (r *Receiver) Overlaps() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.overlaps
}

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request) {
	body, err := read(req)
	request := &collector.ExportMetricsServiceRequest{}
	if err == nil {
		err = proto.Unmarshal(body, request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	fault := r.next()
	if r.limit > 0 && points(request) > r.limit {
		fault = Status(http.StatusRequestEntityTooLarge, "")
	}
	r.bodies = append(r.bodies, body)
	if r.active[string(body)] {
		r.overlaps++
	}
	r.active[string(body)] = true
	if fault.Process {
		r.Keep(request, fault.Reject)
	}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.active, string(body))
	}()
	fault.answer(r, w, req)
}

func read(req *http.Request) ([]byte, error) {
	if req.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(req.Body)
	}
	z, err := gzip.NewReader(req.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// points counts the points of a request.
func points(request *collector.ExportMetricsServiceRequest) (n int) {
	for _, rm := range request.ResourceMetrics {
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				n += len(m.GetSum().GetDataPoints()) + len(m.GetHistogram().GetDataPoints()) + len(m.GetGauge().GetDataPoints())
			}
		}
	}
	return n
}

const protobuf = "application/x-protobuf"

// Well is the answer of a receiver that works.
var Well = Fault{Name: "200", Process: true, answer: func(_ *Receiver, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", protobuf)
}}

// PartialSuccess takes the request in but for n points, and says so.
func PartialSuccess(n int) Fault {
	return Fault{Name: fmt.Sprintf("200, %d points rejected", n), Process: true, Reject: n,
		answer: func(_ *Receiver, w http.ResponseWriter, _ *http.Request) {
			body, err := proto.Marshal(&collector.ExportMetricsServiceResponse{PartialSuccess: &collector.ExportMetricsPartialSuccess{
				RejectedDataPoints: int64(n), ErrorMessage: "as the test wants it"}})
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Content-Type", protobuf)
			_, _ = w.Write(body)
		}}
}

// Status refuses the request, with a Retry-After where one is given.
func Status(code int, retryAfter string) Fault {
	return Fault{Name: fmt.Sprint(code, " ", retryAfter), answer: func(_ *Receiver, w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		if code/100 == 3 {
			w.Header().Set("Location", "http://127.0.0.1:1/login")
		}
		w.WriteHeader(code)
	}}
}

// Page answers 200 with what is no OTLP, as a captive portal does.
var Page = Fault{Name: "200 with a page", answer: func(_ *Receiver, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<html>Please log in</html>")
}}

// Unreadable takes the request in and answers 200 with a body that is no
// message.
var Unreadable = Fault{Name: "200, unreadable", Process: true, answer: func(_ *Receiver, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", protobuf)
	_, _ = w.Write([]byte{0xff, 0xff, 0xff})
}}

// CutOff takes the request in and ends the connection in the middle of the
// answer.
var CutOff = Fault{Name: "200, cut off", Process: true, answer: func(_ *Receiver, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", protobuf)
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write([]byte{0x0a})
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}}

// Lost takes the request in and ends the connection without an answer.
var Lost = Fault{Name: "answer lost", Process: true, answer: func(*Receiver, http.ResponseWriter, *http.Request) {
	panic(http.ErrAbortHandler)
}}

// Hangup ends the connection without taking the request in.
var Hangup = Fault{Name: "hang up", answer: func(*Receiver, http.ResponseWriter, *http.Request) {
	panic(http.ErrAbortHandler)
}}

// Silence never answers.
var Silence = Fault{Name: "silence", answer: waitForever}

// Unanswered takes the request in and never answers.
var Unanswered = Fault{Name: "taken in, silence", Process: true, answer: waitForever}

func waitForever(r *Receiver, _ http.ResponseWriter, req *http.Request) {
	select {
	case <-r.released:
	case <-req.Context().Done():
	}
}
