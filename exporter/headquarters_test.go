package exporter

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
)

// headquarters stands in for the HQ server: it holds the last values it took,
// and answers as it is told.
type headquarters struct {
	*httptest.Server

	mu     sync.Mutex
	next   func() hqAnswer
	held   map[string]any
	bodies []string
}

// hqAnswer is one way in which an upload ends.
type hqAnswer struct {
	name  string
	take  bool // whether the values are taken, whatever becomes of the answer
	write func(http.ResponseWriter, *http.Request)
}

func startHeadquarters(t *testing.T) *headquarters {
	t.Helper()
	h := &headquarters{next: func() hqAnswer { return hqWell }, held: make(map[string]any)}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	return h
}

func (h *headquarters) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var upload struct {
		Data map[string]struct{ Data any }
	}
	if err == nil {
		err = json.Unmarshal(body, &upload)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h.mu.Lock()
	h.bodies = append(h.bodies, string(body))
	answer := h.next()
	if answer.take {
		for name, entry := range upload.Data {
			h.held[name] = entry.Data
		}
	}
	h.mu.Unlock()
	answer.write(w, r)
}

// behave asks next how to answer each upload from now on.
func (h *headquarters) behave(next func() hqAnswer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next = next
}

func (h *headquarters) uploads() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.bodies...)
}

func (h *headquarters) values() map[string]any {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.held)
}

// holds checks the values that HQ shows for this installation.
func (h *headquarters) holds(t *testing.T, want map[string]any) {
	t.Helper()
	got := h.values()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("HQ holds %s = %v, want %v", name, got[name], value)
		}
	}
}

func (h *headquarters) forwarder(t *testing.T, cfg hq.Config) *hq.Exporter {
	t.Helper()
	cfg.Host = h.URL
	if cfg.APIKey == "" {
		cfg.APIKey = "k3y-k3y-k3y"
	}
	f, err := hq.New(cfg)
	must(t, err)
	return f
}

// hqText is an answer with HTTP 200, as all of HQ's own are.
func hqText(text string, header ...string) hqAnswer { return hqStatus(http.StatusOK, text, header...) }

// hqStatus is an answer that takes nothing, with a header where one is given.
func hqStatus(code int, text string, header ...string) hqAnswer {
	return hqAnswer{name: http.StatusText(code) + " " + text, write: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if len(header) == 2 {
			w.Header().Set(header[0], header[1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}}
}

var (
	hqWell = hqAnswer{name: "Success", take: true, write: hqText("Success").write}
	hqPage = hqText("<!DOCTYPE html><html><body>Please log in</body></html>")

	// hqLost takes the upload and ends the connection without an answer.
	hqLost = hqAnswer{name: "answer lost", take: true, write: hqHangup.write}

	// hqCutOff takes the upload and ends in the middle of the answer.
	hqCutOff = hqAnswer{name: "cut off", take: true, write: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "7")
		_, _ = io.WriteString(w, "Succ")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}}

	hqHangup = hqAnswer{name: "hang up", write: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}

	// hqSilence answers nothing until the client goes away.
	hqSilence = hqAnswer{name: "silence", write: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}
)
