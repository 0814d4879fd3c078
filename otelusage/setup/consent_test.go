package setup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// decision is what a person decides, in order; before the first one, and after
// each, the application counts.
type decision struct {
	name  string
	steps []localstore.Mode
}

var decisions = []decision{
	{"never asked", nil},
	{"enabled", []localstore.Mode{localstore.ModeOn}},
	{"disabled", []localstore.Mode{localstore.ModeLocal}},
	{"enabled again", []localstore.Mode{localstore.ModeOn, localstore.ModeLocal, localstore.ModeOn}},
}

// counted are the counts before the first decision, after it, and so on: what
// was sent can be read digit by digit.
var counted = []int64{1, 10, 100, 1000}

// sendable is what of the counts may be sent, if neither the environment nor the
// configuration forbids it. What waited when sending was switched off is not.
var sendable = map[bool]map[string]int64{ // by whether consent is required
	false: {"never asked": 1, "enabled": 11, "disabled": 0, "enabled again": 1000},
	true:  {"never asked": 0, "enabled": 10, "disabled": 0, "enabled again": 1000},
}

// TestConsentMatrix: what is on disk and what is on the wire, for each way in
// which a person, an environment and an application can decide.
func TestConsentMatrix(t *testing.T) {
	for _, requirement := range []string{"default", "RequireConsent", "enabled=false"} {
		for _, d := range decisions {
			for _, dnt := range []string{"", "1"} {
				for _, destination := range []string{"OTLP", "HQ"} {
					t.Run(fmt.Sprintf("%s/%s/DO_NOT_TRACK=%s/%s", requirement, d.name, dnt, destination), func(t *testing.T) {
						t.Setenv("DO_NOT_TRACK", dnt)
						m := matrixCell{d: d, required: requirement == "RequireConsent", off: requirement == "enabled=false", dnt: dnt != "", hq: destination == "HQ"}
						m.check(t)
					})
				}
			}
		}
	}
}

type matrixCell struct {
	d                      decision
	required, off, dnt, hq bool
}

func (m *matrixCell) sends() bool {
	allowed := !m.required
	if n := len(m.d.steps); n > 0 {
		allowed = m.d.steps[n-1] == localstore.ModeOn
	}
	return allowed && !m.dnt && !m.off
}

func (m *matrixCell) check(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	server, section := newOTLP(t), "[OTLP]\nendpoint = %s\ncompression = none\n"
	if m.hq {
		server, section = newHQ(t), "[HQ]\nhost = %s\napi_key = k\n"
	}
	c, err := LoadFile(write(t, fmt.Sprintf("[General]\nfilepath = %s\napplication_name = game\napplication_version = 1.0\nenabled = %t\n"+section,
		path, !m.off, server.URL)))
	must(t, err)
	c.RequireConsent = m.required
	u := started(t, c)
	n := count(t, u, counted[0])
	total := counted[0]
	for i, mode := range m.d.steps {
		m.decide(t, u, mode)
		n.Add(counted[i+1])
		total += counted[i+1]
	}
	m.checkConsent(t, u)
	switch err := u.Submit(t.Context()); {
	case m.off && !errors.Is(err, standalone.ErrNotRecording):
		t.Errorf("Submit = %v", err)
	case !m.off && m.sends() != (err == nil), !m.off && err != nil && !errors.Is(err, exporter.ErrNoConsent):
		t.Errorf("Submit = %v, sends %v", err, m.sends())
	}
	if n.Value() != total {
		t.Errorf("counted %d, want %d", n.Value(), total)
	}
	var sent int64
	if m.sends() {
		sent = sendable[m.required][m.d.name]
	}
	m.checkDisk(t, u, path, total, sent)
	must(t, u.Close())
	if got := m.received(t, server); got != sent {
		t.Errorf("%d arrived, want %d", got, sent)
	}
	if requests, _ := server.got(); len(requests) > 0 != m.sends() {
		t.Errorf("%d requests, sends %v", len(requests), m.sends())
	}
}

func (m *matrixCell) decide(t *testing.T, u *Usage, mode localstore.Mode) {
	decide := u.Enable
	if mode == localstore.ModeLocal {
		decide = u.Disable
	}
	if err := decide(t.Context()); m.off != errors.Is(err, standalone.ErrNotRecording) || !m.off && err != nil {
		t.Errorf("%v: %v", mode, err)
	}
}

func (m *matrixCell) checkConsent(t *testing.T, u *Usage) {
	consent, err := u.Consent(t.Context())
	must(t, err)
	ask := m.required && len(m.d.steps) == 0 && !m.dnt
	if consent.Sending != m.sends() || consent.ShouldAsk != ask || consent.Reason == "" {
		t.Errorf("consent %+v, want sending %v, should ask %v", consent, m.sends(), ask)
	}
}

// checkDisk: what was recorded with leave to send is accepted by a Collector,
// and waits for one where HQ gets totals; the rest is withheld.
func (m *matrixCell) checkDisk(t *testing.T, u *Usage, path string, total, sent int64) {
	if m.off {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("there is a mirror: %v", err)
		}
		return
	}
	var recorded, accepted, pending, withheld int64
	list, err := u.Store().Balance(t.Context())
	must(t, err)
	for _, b := range list {
		if b.Off != "" {
			t.Error(b.Off)
		}
		if b.Name == "n" {
			recorded, accepted = recorded+b.Recorded.Int64(), accepted+b.Accepted.Int64()
			pending, withheld = pending+b.Pending.Int64(), withheld+b.Withheld.Int64()
		}
	}
	if !m.hq && pending != 0 || m.hq && accepted != 0 {
		t.Errorf("pending %d, accepted %d", pending, accepted)
	}
	if recorded != total || accepted+pending != sent || withheld != total-sent {
		t.Errorf("recorded %d, to be sent %d, withheld %d, want %d, %d and the rest", recorded, accepted+pending, withheld, total, sent)
	}
}

func (m *matrixCell) received(t *testing.T, s *server) (n int64) {
	_, bodies := s.got()
	for _, body := range bodies {
		if m.hq {
			value, _ := parseUpload(t, []byte(body)).Data["n"].Data.(float64)
			n = int64(value)
			continue
		}
		n += deltas(t, body, "n")
	}
	return n
}

// deltas adds up what a request says of a metric.
func deltas(t *testing.T, body, metric string) (n int64) {
	t.Helper()
	var request colmetricspb.ExportMetricsServiceRequest
	must(t, proto.Unmarshal([]byte(body), &request))
	for _, rm := range request.ResourceMetrics {
		for _, sm := range rm.ScopeMetrics {
			for _, x := range sm.Metrics {
				if x.Name != metric {
					continue
				}
				for _, p := range x.GetSum().GetDataPoints() {
					n += p.GetAsInt()
				}
			}
		}
	}
	return n
}

// TestNoNameIsLookedUpWithoutConsent: not even a DNS query is made.
func TestNoNameIsLookedUpWithoutConsent(t *testing.T) {
	var lookups atomic.Int64
	resolver := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		lookups.Add(1)
		return nil, errors.New("no network")
	}}
	t.Cleanup(func() { net.DefaultResolver = resolver })
	for _, c := range []Config{
		{OTLP: &OTLP{Endpoint: "http://usage.example.com/v1/metrics"}},
		{HQ: &HQ{Host: "usage.example.com", APIKey: "k"}},
	} {
		lookups.Store(0)
		c.FilePath, c.ApplicationName, c.ApplicationVersion, c.RequireConsent = filepath.Join(t.TempDir(), "usage.db"), "game", "1.0", true
		c.OnError = func(error) {}
		u := started(t, c)
		count(t, u, 1)
		if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) || lookups.Load() != 0 {
			t.Errorf("Submit = %v after %d lookups", err, lookups.Load())
		}
		must(t, u.Enable(t.Context()))
		count(t, u, 1)
		if err := u.Submit(t.Context()); err == nil || lookups.Load() == 0 {
			t.Errorf("with consent: Submit = %v after %d lookups", err, lookups.Load())
		}
		must(t, u.Disable(t.Context()))
		before := lookups.Load()
		count(t, u, 1)
		if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) || lookups.Load() != before {
			t.Errorf("after Disable: Submit = %v after %d more lookups", err, lookups.Load()-before)
		}
		must(t, u.Close())
	}
}

// TestProcessesOfDifferentEnvironments: what a process may not send stays here,
// whatever another one may.
func TestProcessesOfDifferentEnvironments(t *testing.T) {
	collector, path := newOTLP(t), filepath.Join(t.TempDir(), "usage.db")
	c := Config{FilePath: path, ApplicationName: "game", OTLP: &OTLP{Endpoint: collector.URL, Compression: "none"}}
	free := started(t, c)
	t.Setenv("DO_NOT_TRACK", "1")
	shy := started(t, c)
	must(t, os.Unsetenv("DO_NOT_TRACK"))
	a, b := count(t, free, 5), count(t, shy, 70)
	must(t, shy.Flush(t.Context()))
	must(t, free.Submit(t.Context()))
	a.Add(1)
	b.Add(10)
	if err := shy.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) {
		t.Errorf("Submit = %v", err)
	}
	must(t, shy.Close())
	must(t, free.Submit(t.Context()))
	list, err := free.Store().Balance(t.Context())
	must(t, err)
	for _, x := range list {
		if x.Off != "" || x.Name == "n" && (x.Recorded.Int64() != 86 || x.Accepted.Int64() != 6 || x.Withheld.Int64() != 80) {
			t.Errorf("%+v", x)
		}
	}
	must(t, free.Close())
	var sent int64
	_, bodies := collector.got()
	for _, body := range bodies {
		sent += deltas(t, body, "n")
	}
	if sent != 6 {
		t.Errorf("%d arrived, want 6", sent)
	}
}

// TestDisableIsNoticedByOtherProcesses before their next submission, and a batch
// that was under way rests until sending is switched on again.
func TestDisableIsNoticedByOtherProcesses(t *testing.T) {
	collector := newServer(t, "no", "text/html") // a captive portal: the batch stays in flight
	c := Config{FilePath: filepath.Join(t.TempDir(), "usage.db"), ApplicationName: "game",
		OTLP: &OTLP{Endpoint: collector.URL, Compression: "none"}, OnError: func(error) {}}
	u, other := started(t, c), started(t, c)
	n := count(t, u, 5)
	if err := u.Submit(t.Context()); err == nil {
		t.Error("a portal's page was taken for success")
	}
	must(t, other.Disable(t.Context()))
	n.Add(70)
	if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) {
		t.Errorf("Submit = %v", err)
	}
	if requests, _ := collector.got(); len(requests) != 1 {
		t.Errorf("%d requests, want 1", len(requests))
	}
	must(t, other.Enable(t.Context()))
	n.Add(100) // straddles: counted before this process knows
	_ = u.Submit(t.Context())
	_, bodies := collector.got()
	if len(bodies) != 2 || bodies[0] != bodies[1] {
		t.Errorf("%d requests; the batch is resent unchanged: %v", len(bodies), len(bodies) == 2 && bodies[0] == bodies[1])
	}
	list, err := u.Store().Balance(t.Context())
	must(t, err)
	for _, x := range list {
		if x.Off != "" || x.Name == "n" && (x.InFlight.Int64() != 5 || x.Withheld.Int64() != 170 || x.Pending.Int64() != 0) {
			t.Errorf("%+v", x)
		}
	}
	must(t, u.Close())
	must(t, other.Close())
}
