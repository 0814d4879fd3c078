package exporter

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/faulty"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// sending is an application whose submissions go to a faulty receiver.
type sending struct {
	*run
	setup    setup
	receiver *faulty.Receiver
}

const submitEvery = time.Hour

func startOutbox(t *testing.T) *sending {
	t.Helper()
	receiver := faulty.Start()
	t.Cleanup(receiver.Close)
	return outboxTo(t, receiver, receiver.URL)
}

func outboxTo(t *testing.T, receiver *faulty.Receiver, url string, opts ...otlp.Option) *sending {
	t.Helper()
	o := &sending{receiver: receiver, setup: outboxSetup(t)}
	o.restart(t, url, opts...)
	return o
}

func outboxSetup(t *testing.T) setup {
	return setup{path: filepath.Join(t.TempDir(), "usage.db"), clock: newClock(),
		store: []localstore.Option{localstore.WithRandom(func() float64 { return 0.5 })}}
}

// restart ends the run, if there is one, and begins another on the same mirror.
func (o *sending) restart(t *testing.T, url string, opts ...otlp.Option) {
	t.Helper()
	forwarder, err := otlp.New(t.Context(), append([]otlp.Option{otlp.WithEndpointURL(url), otlp.WithTimeout(time.Second)}, opts...)...)
	must(t, err)
	o.restartWith(t, forwarder)
}

func (o *sending) restartWith(t *testing.T, forwarder sdkmetric.Exporter) {
	t.Helper()
	if o.run != nil {
		o.end()
	}
	s := o.setup
	s.opts = []Option{WithForwarder(forwarder), WithSubmitInterval(submitEvery), WithErrorHandler(func(error) {})}
	o.run = s.start(t)
}

// query reads one row of the mirror as a person would.
func (o *sending) query(t *testing.T, query string, into ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+o.setup.path+"?mode=ro")
	must(t, err)
	defer db.Close()
	must(t, db.QueryRowContext(t.Context(), query).Scan(into...))
}

// held returns what is recorded and did not get an answer that settles it.
func (o *sending) held(t *testing.T, name string) int64 {
	t.Helper()
	list, err := o.store.Balance(t.Context())
	must(t, err)
	var n int64
	for _, b := range list {
		if b.Name+plain(b.Attributes) == name {
			n += b.InFlight.Int64() + b.Pending.Int64() + b.SetAside.Int64() + b.Withheld.Int64()
		}
	}
	return n
}

// plain writes the mirror's attributes as the receiver does.
func plain(attributes string) string {
	if attributes == "{}" {
		return ""
	}
	return strings.NewReplacer(`":"`, "=", `"`, "").Replace(attributes)
}

// arrived checks that all that was recorded is at the receiver or held here.
func (o *sending) arrived(t *testing.T, name string, recorded int64) {
	t.Helper()
	kept, rejected, held := o.receiver.Whole()[name], o.receiver.Rejected()[name], o.held(t, name)
	if kept+rejected+held != recorded {
		t.Errorf("%s: %d at the receiver, %d rejected, %d held, want %d in all", name, kept, rejected, held, recorded)
	}
}

// TestAnswers: what each answer means for the data, when it is tried again and
// what the log says.
func TestAnswers(t *testing.T) {
	const first = 5 * time.Second // half of the first backoff's cap
	tests := []struct {
		fault   faulty.Fault
		outcome string // in the log
		status  int
		settled bool          // the batch is not sent again
		wait    time.Duration // until the next try
	}{
		{faulty.Well, "accepted", 0, true, 0},
		{faulty.PartialSuccess(0), "accepted", 0, true, 0},
		{faulty.PartialSuccess(1), "partial", 200, true, 0},
		{faulty.Unreadable, "accepted", 0, true, 0},
		{faulty.CutOff, "accepted", 0, true, 0},
		{faulty.Page, "unknown", 200, false, first},
		{faulty.Status(302, ""), "refused", 302, false, first},
		{faulty.Status(400, ""), "too large", 400, false, first},
		{faulty.Status(401, ""), "refused", 401, false, first},
		{faulty.Status(403, ""), "refused", 403, false, first},
		{faulty.Status(404, ""), "refused", 404, false, first},
		{faulty.Status(408, ""), "transient", 408, false, first},
		{faulty.Status(413, ""), "too large", 413, false, first},
		{faulty.Status(429, "120"), "transient", 429, false, 2 * time.Minute},
		{faulty.Status(429, "1000000000000"), "transient", 429, false, 24 * time.Hour},
		{faulty.Status(429, "-5"), "transient", 429, false, first},
		{faulty.Status(503, "Mon, 02 Jan 2006 15:04:05 GMT"), "transient", 503, false, first},
		{faulty.Status(503, "90"), "transient", 503, false, 90 * time.Second},
		{faulty.Status(500, ""), "transient", 500, false, first},
		{faulty.Status(502, ""), "transient", 502, false, first},
		{faulty.Status(504, ""), "transient", 504, false, first},
		{faulty.Lost, "transient", 0, false, first},
		{faulty.Hangup, "transient", 0, false, first},
	}
	for _, tt := range tests {
		t.Run(tt.fault.Name, func(t *testing.T) {
			o := startOutbox(t)
			o.receiver.Behave(func() faulty.Fault { return tt.fault })
			n := o.statistic("n")
			n.Add(5)
			o.state("mode", "on")
			o.record()
			err := o.exporter.Submit(t.Context())
			o.balanced()
			if settled := err == nil; settled != tt.settled {
				t.Errorf("Submit: %v, settled %v, want %v", err, settled, tt.settled)
			}
			o.arrivedOrDoubled(t, tt.fault, 5)
			o.log(t, tt.outcome, tt.status, tt.settled)
			if !tt.settled {
				var retryAt int64
				o.query(t, `SELECT retry_at FROM forwarders WHERE kind = 'delta'`, &retryAt)
				if wait := time.Duration(retryAt - o.setup.clock.now().UnixNano()); wait != tt.wait {
					t.Errorf("tried again after %v, want %v", wait, tt.wait)
				}
				o.nothingBefore(t, tt.wait, func() int { return len(o.receiver.Bodies()) })
			}
			o.receiver.Behave(func() faulty.Fault { return faulty.Well })
			n.Add(2)
			o.record()
			o.submit()
			o.arrived(t, "n", 7)
			if held := o.held(t, "n"); held != 0 {
				t.Errorf("%d still held", held)
			}
			o.end()
		})
	}
}

// arrivedOrDoubled: where the receiver has taken in what is held to be sent
// again, it holds it once more than it should until the resend is dropped.
func (o *sending) arrivedOrDoubled(t *testing.T, fault faulty.Fault, recorded int64) {
	t.Helper()
	if fault.Process && o.held(t, "n") > 0 {
		recorded *= 2
	}
	o.arrived(t, "n", recorded)
}

func (o *sending) log(t *testing.T, outcome string, status int, settled bool) {
	t.Helper()
	var got, reason string
	var code, times int
	o.query(t, `SELECT outcome, coalesce(status, 0), reason, times FROM submissions ORDER BY id DESC LIMIT 1`, &got, &code, &reason, &times)
	if got != outcome || code != status || times != 1 {
		t.Errorf("the log says %q, status %d, %d times, want %q, %d, once", got, code, times, outcome, status)
	}
	if !settled && reason == "" {
		t.Error("the log gives no reason")
	}
}

// nothingBefore checks that a due submission waits for its next try.
func (o *sending) nothingBefore(t *testing.T, wait time.Duration, requests func() int) {
	t.Helper()
	before := requests()
	o.setup.clock.advance(wait - time.Second)
	must(t, o.exporter.sender.submit(t.Context(), false))
	if requests() != before {
		t.Error("tried again too soon")
	}
	o.setup.clock.advance(time.Second)
	_ = o.exporter.sender.submit(t.Context(), false) // the receiver still misbehaves
	if requests() == before {
		t.Error("not tried again in time")
	}
}

func TestDestinationsOutOfReachKeepTheData(t *testing.T) {
	receiver := faulty.Start()
	t.Cleanup(receiver.Close)
	silent := faulty.Start()
	t.Cleanup(silent.Close)
	silent.Behave(func() faulty.Fault { return faulty.Silence })
	private := httptest.NewTLSServer(receiver.Config.Handler)
	t.Cleanup(private.Close)
	for name, url := range map[string]string{"refused connection": "http://127.0.0.1:1", "silent server": silent.URL, "unknown CA": private.URL} {
		t.Run(name, func(t *testing.T) {
			o := outboxTo(t, receiver, url, otlp.WithTimeout(50*time.Millisecond))
			o.statistic("n").Add(5)
			o.record()
			if err := o.exporter.Submit(t.Context()); err == nil {
				t.Error("Submit succeeded")
			}
			o.balanced()
			if held := o.held(t, "n"); held != 5 {
				t.Errorf("%d held, want 5", held)
			}
			o.log(t, "transient", 0, false)
			o.end()
		})
	}
	pool := x509.NewCertPool()
	pool.AddCert(private.Certificate())
	o := outboxTo(t, receiver, private.URL, otlp.WithTLSConfig(&tls.Config{RootCAs: pool}))
	o.statistic("n").Add(5)
	o.record()
	o.submit()
	o.arrived(t, "n", 5)
	o.end()
}

// TestRandomFaults mixes all that can go wrong, from a seed that a failure
// prints.
func TestRandomFaults(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rounds := 2000
	if testing.Short() {
		rounds = 50
	}
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	random := rand.New(rand.NewPCG(seed, 1))
	faults := []faulty.Fault{
		faulty.Well, faulty.Well, faulty.Well, faulty.PartialSuccess(0), faulty.PartialSuccess(1), faulty.PartialSuccess(3),
		faulty.Status(400, ""), faulty.Status(401, ""), faulty.Status(413, ""), faulty.Status(429, "10"), faulty.Status(500, ""),
		faulty.Status(503, ""), faulty.Page, faulty.Unreadable, faulty.CutOff, faulty.Lost, faulty.Hangup, faulty.Status(302, ""),
	}
	o := startOutbox(t)
	moods := rand.New(rand.NewPCG(seed, 2)) // the receiver's own: it runs beside the test
	o.receiver.Behave(func() faulty.Fault { return faults[moods.IntN(len(faults))] })
	recorded := make(map[string]int64)
	for round := range rounds {
		for range random.IntN(4) {
			n, via := int64(random.IntN(100)), fmt.Sprint(random.IntN(5))
			o.statistic("n").With(attribute.String("via", via)).Add(n)
			recorded["n{via="+via+"}"] += n
		}
		o.record()
		o.setup.clock.advance(time.Duration(random.IntN(120)-30) * time.Minute)
		_ = o.exporter.sender.submit(t.Context(), random.IntN(2) == 0)
		if round%10 == 0 {
			o.balanced()
		}
		if round%200 == 199 {
			o.restart(t, o.receiver.URL)
		}
		if t.Failed() {
			t.Fatalf("after round %d", round)
		}
	}
	// A receiver that works again gets the rest.
	o.receiver.Behave(func() faulty.Fault { return faulty.Well })
	o.submit()
	for name, n := range recorded {
		o.arrived(t, name, n)
	}
	o.end()
}
