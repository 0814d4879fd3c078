package otlp

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// TestBothSendTheSame compares whole requests, apart from who sends them and how
// the length of a compressed body is told.
func TestBothSendTheSame(t *testing.T) {
	for _, c := range []Compression{GzipCompression, NoCompression} {
		r := startReceiver(t, acceptAll, nil)
		both(t, func(t *testing.T, newExporter maker) {
			e := newExporter(t, WithEndpointURL(r.URL+"/in"), WithCompression(c), WithHeaders(map[string]string{"X-Ours": "1"}))
			if err := e.Export(t.Context(), delta(1, -2, 1<<60)); err != nil {
				t.Fatal(err)
			}
		})
		seen := r.requests()
		if len(seen) != 2 {
			t.Fatalf("%d requests arrived", len(seen))
		}
		a, b := seen[0], seen[1]
		for _, h := range []http.Header{a.header, b.header} {
			if h.Get("User-Agent") == "" {
				t.Error("nobody is named")
			}
			h.Del("User-Agent")
			h.Del("Content-Length")
		}
		if !bytes.Equal(a.body, b.body) || a.path != b.path || !maps.EqualFunc(a.header, b.header, slices.Equal) {
			t.Errorf("%s: %s %v and %s %v, bodies equal: %v", c, a.path, a.header, b.path, b.header, bytes.Equal(a.body, b.body))
		}
	}
}

// TestAdviceNamesTheOptionOfItsPackage: who imports light has no package otlp.
func TestAdviceNamesTheOptionOfItsPackage(t *testing.T) {
	for name, construct := range constructors {
		r := startReceiver(t, reply(200, "text/plain", "OK"), nil)
		e, err := construct(t.Context(), WithEndpointURL(r.URL))
		if err != nil {
			t.Fatal(err)
		}
		if o := outcomeOf(t, e.Export(t.Context(), delta(1))); !strings.Contains(o.Advice, " "+name+".WithLenientAnswers") {
			t.Errorf("%s advises %q", name, o.Advice)
		}
	}
}

// TestTooLargeABodyIsNotSent: otlpmetrichttp has a limit of 64 MiB.
func TestTooLargeABodyIsNotSent(t *testing.T) {
	rm := delta(1)
	rm.ScopeMetrics[0].Metrics[0].Description = strings.Repeat("x", 64<<20)
	both(t, func(t *testing.T, newExporter maker) {
		r := startReceiver(t, acceptAll, nil)
		if o := outcomeOf(t, newExporter(t, WithEndpointURL(r.URL)).Export(t.Context(), rm)); o.Class != outcome.TooLarge || o.Status != 0 {
			t.Errorf("got %v, %d", o.Class, o.Status)
		}
		if n := len(r.requests()); n != 0 {
			t.Errorf("%d requests were made", n)
		}
	})
}
