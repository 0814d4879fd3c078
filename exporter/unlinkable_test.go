package exporter

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
)

// listener keeps every byte of a request, and tries to be recognised: it hands out
// a cookie and an entity tag with each answer.
type listener struct {
	*httptest.Server
	mu    sync.Mutex
	heard []string
	fails int // so many requests are answered with 503 first
}

func listen(t *testing.T) *listener {
	l := &listener{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		zip, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		body, err := io.ReadAll(zip)
		if err != nil {
			t.Error(err)
		}
		r.Header.Del("Content-Length") // follows from the body
		var text strings.Builder
		fmt.Fprintf(&text, "%s %s %s %v\n", r.Method, r.URL, r.Proto, r.TransferEncoding)
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			fmt.Fprintf(&text, "%s: %q\n", name, r.Header[name])
		}
		fmt.Fprintf(&text, "gzip %q %q %v %d\n%s", zip.Name, zip.Comment, zip.ModTime, zip.OS, body)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.heard = append(l.heard, text.String())
		w.Header().Set("Set-Cookie", fmt.Sprintf("seen=%d; Max-Age=31536000", len(l.heard)))
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, len(l.heard)))
		w.Header().Set("Content-Type", "application/x-protobuf")
		if l.fails--; l.fails >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(l.Close)
	return l
}

// take returns what was heard since.
func (l *listener) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	heard := l.heard
	l.heard = nil
	return heard
}

func (l *listener) fail(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fails = n
}

// TestUnlinkableRequestsAreTheSameBytes from an installation with a long history and
// from a fresh one that counted the same in another order: header and body differ in
// the batch's id alone. A retry is the same request, with the same id.
func TestUnlinkableRequestsAreTheSameBytes(t *testing.T) {
	server, clock := listen(t), newClock()
	begin := func(path string) *run {
		f, err := otlp.New(t.Context(), otlp.WithEndpointURL(server.URL))
		must(t, err)
		return setup{path: path, clock: clock, opts: []Option{Unlinkable(), WithForwarder(f)}}.start(t)
	}
	via := func(v string) attribute.KeyValue { return attribute.String("via", v) }

	old := filepath.Join(t.TempDir(), "usage.db")
	for range 3 {
		r := begin(old)
		n := r.statistic("z")
		n.With(via("menu")).Inc()
		r.record()
		r.statistic("a").Inc()
		server.fail(2)
		r.record()
		for range 2 {
			if err := r.exporter.Submit(t.Context()); err == nil {
				t.Fatal("accepted")
			}
			clock.advance(26*time.Hour + 17*time.Second)
		}
		r.submit()
		sent := server.take()
		if len(sent) != 3 || sent[0] != sent[1] || sent[0] != sent[2] {
			t.Errorf("%d requests that differ: %q", len(sent), sent)
		}
		must(t, r.store.Rotate(t.Context()))
		r.end()
		clock.advance(5 * time.Hour)
	}
	clock.advance(50 * 24 * time.Hour)

	var heard [2]string
	for i, path := range []string{old, filepath.Join(t.TempDir(), "usage.db")} {
		r := begin(path)
		names := []string{"z", "a", "m"}
		if i == 1 {
			slices.Reverse(names)
		}
		for _, name := range names {
			n := r.statistic(name)
			n.With(via(name + "eb")).Add(3)
			n.With(via("menu")).Add(2)
			n.Add(5)
			r.record()
		}
		r.submit()
		sent := server.take()
		if len(sent) != 1 {
			t.Fatalf("%d requests", len(sent))
		}
		id, known := strings.CutPrefix(sent[0][strings.Index(sent[0], "service.instance.id"):], "service.instance.id\x12&\n$")
		if !known || strings.Contains(sent[0], "app.installation.id") {
			t.Fatalf("sent %q", sent[0])
		}
		heard[i] = strings.ReplaceAll(sent[0], id[:36], "ID")
		for _, secret := range []string{r.store.InstallationID(), r.store.MirrorID()} {
			if strings.Contains(sent[0], secret) {
				t.Errorf("%s is in %q", secret, sent[0])
			}
		}
		r.end()
	}
	if heard[0] != heard[1] {
		t.Errorf("the old one sends\n%q\nthe fresh one\n%q", heard[0], heard[1])
	}
}

// TestForwardersOfTotalsNeedAnID: New says so, before it takes anything.
func TestForwardersOfTotalsNeedAnID(t *testing.T) {
	headquarters, err := hq.New(hq.Config{Host: "https://hq.example.com", APIKey: "k"})
	must(t, err)
	for name, f := range map[string]sdkmetric.Exporter{"hq": headquarters, "totals": &recordingForwarder{temporality: metricdata.CumulativeTemporality}} {
		for option, o := range map[string]Option{"unlinkable": Unlinkable(), "rotation": WithRotation(time.Hour)} {
			t.Run(name+" "+option, func(t *testing.T) {
				r := setup{}.start(t)
				if _, err := New(r.store, o, WithForwarder(f)); !errors.Is(err, ErrNeedsID) {
					t.Errorf("New = %v, want ErrNeedsID", err)
				}
				if err := Check(o, WithForwarder(f)); !errors.Is(err, ErrNeedsID) {
					t.Errorf("Check = %v, want ErrNeedsID", err)
				}
				for _, opts := range [][]Option{{o}, {o, WithForwarder(delta())}, {WithForwarder(f)}} {
					if err := Check(opts...); err != nil {
						t.Errorf("Check = %v", err)
					}
				}
				r.end()
			})
		}
	}
	must(t, headquarters.Shutdown(t.Context()))
}

// TestRotationByAge happens at a submission, and the mirror is told of Unlinkable
// before one.
func TestRotationByAge(t *testing.T) {
	f, clock := delta(), newClock()
	s := setup{path: filepath.Join(t.TempDir(), "usage.db"), clock: clock, opts: []Option{WithRotation(30 * 24 * time.Hour), WithForwarder(f)}}
	r := s.start(t)
	n := r.statistic("n")
	seen := make(map[string]int)
	for range 9 {
		n.Inc()
		r.record()
		r.submit()
		seen[r.store.InstallationID()+r.store.StreamID()]++
		clock.advance(10 * 24 * time.Hour)
	}
	if len(seen) != 3 {
		t.Errorf("in 90 days there were the ids %v, want 3", seen)
	}
	diff(t, usage(received(f.requests())), map[string]float64{"1.0.0 n": 9})
	r.end()
	s.opts = []Option{Unlinkable(), WithForwarder(delta())}
	r = s.start(t)
	r.statistic("n").Inc()
	r.record()
	var preview bytes.Buffer
	must(t, r.store.WritePreview(t.Context(), &preview))
	if strings.Contains(preview.String(), "app.installation.id") || r.store.StreamID() != "" {
		t.Errorf("shows %s", &preview)
	}
	r.end()
}

// TestErasingAsksForDeletionAtOnce, under the old ids and not from who is unlinkable.
func TestErasingAsksForDeletionAtOnce(t *testing.T) {
	for _, unlinkable := range []bool{false, true} {
		f := delta()
		s := setup{opts: []Option{WithForwarder(f)}}
		if unlinkable {
			s.opts = append(s.opts, Unlinkable())
		}
		r := s.start(t)
		r.state("theme", "dark")
		r.record()
		r.submit()
		old := r.store.InstallationID()
		must(t, r.exporter.Erase(t.Context()))
		asked := 0
		for _, rm := range f.requests()[1:] {
			id, _ := rm.Resource.Set().Value("app.installation.id")
			if got := received([]*metricdata.ResourceMetrics{rm}); got[" otelusage.erased"] == 1 && len(got) == 1 && id.AsString() == old {
				asked++
			}
			if unlinkable && id.AsString() != "" {
				t.Errorf("sent under %s", id.AsString())
			}
		}
		if want := map[bool]int{false: 1}[unlinkable]; asked != want || len(f.requests()) != 2+want {
			t.Errorf("unlinkable %v: %d requests, asked %d times", unlinkable, len(f.requests()), asked)
		}
		r.end()
	}
}
