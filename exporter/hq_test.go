package exporter

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
)

// headquarters stands in for the HQ server: it holds the last values it
// accepted, and answers as it is told.
type headquarters struct {
	mu     sync.Mutex
	answer func(http.ResponseWriter) (accept bool)
	held   map[string]any
}

func (h *headquarters) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var upload struct {
		Data map[string]struct {
			Type, Description string
			Data              any
		}
	}
	if err == nil {
		err = json.Unmarshal(body, &upload)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.answer(w) {
		return
	}
	for name, entry := range upload.Data {
		h.held[name] = entry.Data
	}
	_, _ = io.WriteString(w, "Success")
}

// After any mix of answers HQ holds the lifetime totals that may be shared.
func TestHQHoldsTheSharedTotals(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random, moods := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	text := func(s string) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool { _, _ = io.WriteString(w, s); return false }
	}
	status := func(code int) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool { w.WriteHeader(code); return false }
	}
	well := func(http.ResponseWriter) bool { return true }
	answers := []func(http.ResponseWriter) bool{well, well, text("Upload failed"), text("Missing API Key."),
		text("User does not belong to a group."), text("<html>log in</html>"), status(500), status(503), status(302), status(404)}
	server := &headquarters{held: make(map[string]any)}
	server.answer = func(w http.ResponseWriter) bool { return answers[moods.IntN(len(answers))](w) }
	http := httptest.NewServer(server)
	t.Cleanup(http.Close)

	clock := newClock()
	forwarder, err := hq.New(hq.Config{Host: http.URL, APIKey: "k3y-k3y-k3y"})
	must(t, err)
	r := setup{clock: clock, opts: []Option{WithForwarder(forwarder), WithErrorHandler(func(error) {})}}.start(t)
	n := r.statistic("n")
	r.statistic("untouched")
	mode := r.state("mode", "off")
	var shared float64
	var uploads int
	for range 200 {
		n.Add(3)
		shared += 3
		r.record()
		clock.advance(time.Duration(random.IntN(5)) * time.Hour)
		if r.exporter.Submit(t.Context()) == nil {
			uploads++
		}
		r.balanced()
	}
	mode.Set("on")
	r.record()
	server.mu.Lock()
	server.answer = well
	server.mu.Unlock()
	r.submit()
	uploads++
	server.mu.Lock()
	defer server.mu.Unlock()
	for name, want := range map[string]any{"n": shared, "untouched": 0.0, "mode": "on", "__submissions__": float64(uploads)} {
		if got := server.held[name]; got != want {
			t.Errorf("HQ holds %s = %v, want %v", name, got, want)
		}
	}
	r.end()
}
