package e2e

import (
	"crypto/tls"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

const base = "../production.yaml"

// setup is a Collector and how an application sends to it.
type setup struct {
	configs []string // none: there is no Collector
	env     []string
	url     string
	options []otlp.Option
}

func (s setup) start(t *testing.T, at otelcol.Addresses) *otelcol.Process {
	t.Helper()
	p, err := otelcol.Start(t.Context(), collector(t), at, s.configs, s.env...)
	must(t, err)
	return p
}

// trouble is something that is wrong, what is told of it, and the same put
// right. README.md has each.
type trouble struct {
	name         string
	wrong, right setup
	class        outcome.Class
	status       int
	says, orSays string
}

func troubles(t *testing.T, at, other otelcol.Addresses) []trouble {
	plain := setup{configs: []string{base}, url: at.URL()}
	set := func(settings ...string) setup {
		s := setup{configs: []string{base}, url: at.URL()}
		for _, text := range settings {
			s.configs = append(s.configs, "yaml:"+text)
		}
		return s
	}

	const token = "correct-horse"
	locked := setup{configs: []string{base, "../overlays/token.yaml"}, url: at.URL(), env: []string{"OTELUSAGE_TOKEN=" + token}}
	withToken := locked
	withToken.options = []otlp.Option{otlp.WithHeaders(map[string]string{"Authorization": "Bearer " + token})}

	own := newAuthority(t)
	secure := setup{configs: []string{base, "../overlays/tls.yaml"}, url: strings.Replace(at.URL(), "http:", "https:", 1), env: own.env}
	trusting := secure
	trusting.options = []otlp.Option{otlp.WithTLSConfig(&tls.Config{RootCAs: own.pool})}

	elsewhere := plain
	elsewhere.url = "http://" + at.OTLP + "/usage"

	return []trouble{
		{name: "nobody is there", wrong: setup{url: at.URL()}, right: plain, class: outcome.Transient, says: "refuses connections"},
		{name: "the path is wrong", wrong: elsewhere, right: plain, class: outcome.Refused, status: 404},
		{name: "it is full", right: plain, class: outcome.Transient, status: 503, wrong: set(
			"processors::memory_limiter::check_interval: 10ms",
			"processors::memory_limiter::limit_mib: 2", "processors::memory_limiter::spike_limit_mib: 1")},
		// Whether its own words are read first or the end of the connection is met is up to the kernel.
		{name: "it speaks gRPC there", right: plain, class: outcome.Transient, says: "cannot reach", orSays: "was lost before an answer came", wrong: set(
			"receivers::otlp::protocols::http::endpoint: "+other.OTLP, "receivers::otlp::protocols::grpc::endpoint: "+at.OTLP)},
		{name: "it wants a token", wrong: locked, right: withToken, class: outcome.Refused, status: 401},
		{name: "its authority is unknown", wrong: secure, right: trusting, class: outcome.Transient, says: "is not trusted"},
	}
}

// What is wrong is told, nothing is lost of it, and all of it arrives once it is
// put right.
func TestTroublesAreToldAndMended(t *testing.T) {
	collector(t)
	at, other := addresses(t), addresses(t)
	for _, c := range troubles(t, at, other) {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "usage.db")
			at.Archive = filepath.Join(t.TempDir(), "archive", "usage.jsonl")
			if len(c.wrong.configs) > 0 {
				p := c.wrong.start(t, at)
				t.Cleanup(func() { must(t, p.Kill()) }) // where the test ends early
				refused(t, c, file)
				must(t, p.Stop())
			} else {
				refused(t, c, file)
			}
			p := c.right.start(t, at)
			t.Cleanup(func() { must(t, p.Stop()) })
			a := launch(t, file, "1.0.0", c.right.url, c.right.options...)
			must(t, a.Submit(t.Context()))
			must(t, a.Close())
			// The archive, because a Collector that is about to be full may
			// have taken something and forgotten it with its end.
			must(t, same(archived(t, p.Archive), mirrorTotals(t, file)))
		})
	}
}

// refused submits in vain.
func refused(t *testing.T, c trouble, file string) {
	t.Helper()
	a := launch(t, file, "1.0.0", c.wrong.url, c.wrong.options...)
	a.use(2, "Metric")
	eventually(t, func() error { // a Collector is not full at once
		err := a.Submit(t.Context())
		if failure, ok := errors.AsType[*outcome.Error](err); ok {
			if failure.Class != c.class || failure.Status != c.status || !strings.Contains(failure.Reason, c.says) && (c.orSays == "" || !strings.Contains(failure.Reason, c.orSays)) {
				t.Errorf("told %v, status %d: %q", failure.Class, failure.Status, failure.Reason)
			}
			return nil
		}
		a.use(1, "Metric")
		return errors.Join(errors.New("it was accepted"), err)
	})
	must(t, a.Close())
}

// A body limit of 1 KiB is answered with 400. The batch is split until it fits,
// and every point arrives once.
func TestSmallBodiesAreSplit(t *testing.T) {
	at := addresses(t)
	p := start(t, at, []string{base, "yaml:receivers::otlp::protocols::http::max_request_body_size: 1024"})
	file := filepath.Join(t.TempDir(), "usage.db")
	a := launch(t, file, "1.0.0", p.URL())
	for i := range 100 {
		a.searches.With(attribute.String("via", "plugin "+strconv.Itoa(i*i*7919))).Add(int64(i + 1))
	}
	a.use(3, "Metric")
	eventually(t, func() error { return a.Submit(t.Context()) }) // sixteen requests at a time
	must(t, a.Close())
	want := mirrorTotals(t, file)
	eventually(t, func() error {
		got, err := shown(t, p)
		if err == nil {
			err = same(got, want)
		}
		return err
	})
	must(t, same(archived(t, p.Archive), want))
	if refused := ask(t, file, `SELECT count(*) FROM submissions WHERE outcome = 'split' AND status = 400`); refused == 0 {
		t.Error("the batch was taken whole")
	}
	if parts := ask(t, file, `SELECT count(*) FROM submissions WHERE outcome = 'accepted'`); parts < 8 {
		t.Errorf("it arrived in %d parts", parts)
	}
}
