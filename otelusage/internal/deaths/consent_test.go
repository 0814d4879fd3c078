package deaths

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// beginnings are what holds while a program counts.
var beginnings = []struct {
	name   string
	decide func(*localstore.Store, context.Context) error
	env    []string
	shares bool
}{
	{"nothing decided", nil, nil, true},
	{"enabled", (*localstore.Store).Enable, nil, true},
	{"disabled", (*localstore.Store).Disable, nil, false},
	{"consent required", (*localstore.Store).RequireConsent, nil, false},
	{"not to be tracked", (*localstore.Store).Enable, []string{"DO_NOT_TRACK=1"}, false},
	{"off", func(s *localstore.Store, ctx context.Context) error { return s.SetMode(ctx, localstore.ModeOff) }, nil, false},
}

// decisions come between a death and the next start. What was counted may be sent only
// after none.
var decisions = []struct {
	name   string
	decide func(t *testing.T, mirror string)
	none   bool
}{
	{"nothing", func(*testing.T, string) {}, true},
	{"disable and enable", func(t *testing.T, mirror string) {
		decide(t, mirror, localstore.ModeLocal)
		decide(t, mirror, localstore.ModeOn)
	}, false},
	{"off", func(t *testing.T, mirror string) { decide(t, mirror, localstore.ModeOff) }, false},
	{"local by hand", func(t *testing.T, mirror string) {
		must(t, os.WriteFile(mirror+".consent", []byte("local\n"), 0o600))
	}, false},
	{"erase", func(t *testing.T, mirror string) {
		s, err := localstore.Open(mirror, localstore.Existing())
		must(t, err)
		must(t, s.Erase(t.Context()))
		must(t, s.Close())
	}, false},
}

func decide(t *testing.T, mirror string, mode localstore.Mode) {
	t.Helper()
	_, err := localstore.Decide(t.Context(), mirror, mode)
	must(t, err)
}

// TestConsentOfPrograms: nothing that a program counted without consent, or before a
// decision, arrives after its death, and all else does.
func TestConsentOfPrograms(t *testing.T) {
	for _, beginning := range beginnings {
		for i := range len(modes) * len(decisions) {
			mode, decision := modes[i/len(decisions)], decisions[i%len(decisions)]
			t.Run(fmt.Sprintf("%s, %s, %s", beginning.name, decision.name, mode), func(t *testing.T) {
				t.Parallel()
				r := newReceiver(t)
				p := program{Job: "end", End: []string{"os.Exit", "SIGKILL"}[i%2], Mirror: filepath.Join(t.TempDir(), "usage.db"),
					URL: r.URL, State: "left", Env: beginning.env}
				if beginning.decide != nil {
					s, err := localstore.Open(p.Mirror)
					must(t, err)
					must(t, beginning.decide(s, t.Context()))
					must(t, s.Close())
				}
				check := mode.prepare(t, p.Mirror)
				_, err := p.runAndSignal(t, map[string]os.Signal{"SIGKILL": os.Kill}[p.End])
				must(t, err)
				check()
				decision.decide(t, p.Mirror)
				submitNow(t, p.Mirror, r.URL)
				want := 0.0
				if beginning.shares && decision.none {
					want = 4
				}
				if got := r.sum("n"); got != want {
					t.Errorf("%v counts arrived, want %v", got, want)
				}
				if want == 0 && r.mentions("left") {
					t.Error("a state that may not be sent arrived")
				}
			})
		}
	}
}

// submitNow is the next run: it may send, and does.
func submitNow(t *testing.T, mirror, url string) {
	t.Helper()
	forwarder, err := otlp.New(t.Context(), otlp.WithEndpointURL(url))
	must(t, err)
	u, err := standalone.Start(t.Context(), standalone.Config{FilePath: mirror, ApplicationName: "game", Tracker: new(otelusage.Tracker),
		Forwarder: forwarder, CheckInterval: standalone.NeverCheck})
	must(t, err)
	must(t, u.Store().Enable(t.Context()))
	must(t, u.Flush(t.Context()))
	must(t, u.Submit(t.Context()))
	must(t, u.Close())
}

// receiver keeps what arrives.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*collector.ExportMetricsServiceRequest
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var body io.Reader = req.Body
		if req.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(body)
			if err != nil {
				t.Error(err)
				return
			}
			body = z
		}
		b, err := io.ReadAll(body)
		message := new(collector.ExportMetricsServiceRequest)
		if err == nil {
			err = proto.Unmarshal(b, message)
		}
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.requests = append(r.requests, message)
		r.mu.Unlock()
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(r.Close)
	return r
}

// sum returns how much of a metric arrived.
func (r *receiver) sum(name string) (sum float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, request := range r.requests {
		for _, resource := range request.ResourceMetrics {
			for _, scope := range resource.ScopeMetrics {
				for _, m := range scope.Metrics {
					if m.Name != name {
						continue
					}
					for _, point := range m.GetSum().GetDataPoints() {
						sum += float64(point.GetAsInt()) + point.GetAsDouble()
					}
				}
			}
		}
	}
	return sum
}

// mentions reports whether a text is in anything that arrived.
func (r *receiver) mentions(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(fmt.Sprint(r.requests), text)
}
