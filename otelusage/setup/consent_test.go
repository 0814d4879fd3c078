package setup

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/health"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// destination is a server with a name of its own. It counts how often the name
// is looked up, connections, and requests.
type destination struct {
	hq                   bool
	url                  string
	lookups, connections atomic.Int64
	failing              atomic.Bool // answers 503

	mu     sync.Mutex
	bodies [][]byte
}

func newDestination(t *testing.T, hq bool) *destination {
	d := &destination{hq: hq}
	server := httptest.NewUnstartedServer(d)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			d.connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	must(t, err)
	d.url = "http://usage.example.test:" + port
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: d.dialDNS}
	t.Cleanup(func() { net.DefaultResolver = before })
	return d
}

func (d *destination) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	d.bodies = append(d.bodies, body)
	d.mu.Unlock()
	switch {
	case d.failing.Load():
		w.WriteHeader(http.StatusServiceUnavailable)
	case d.hq:
		_, _ = io.WriteString(w, "Success")
	default:
		w.Header().Set("Content-Type", "application/x-protobuf")
	}
}

// dialDNS connects to a name server that knows one address for every name.
func (d *destination) dialDNS(context.Context, string, string) (net.Conn, error) {
	d.lookups.Add(1)
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		for {
			var size [2]byte
			if _, err := io.ReadFull(server, size[:]); err != nil {
				return
			}
			query := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(server, query); err != nil {
				return
			}
			answer := resolve(query)
			if _, err := server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
				return
			}
		}
	}()
	return client, nil
}

// resolve answers a query for an A record with 127.0.0.1, any other with no
// record.
func resolve(query []byte) []byte {
	const header, typeA = 12, 1
	end := header
	for query[end] != 0 {
		end += 1 + int(query[end])
	}
	end += 5 // the name's end, type and class
	answer := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[header:end]...)
	if binary.BigEndian.Uint16(query[end-4:]) == typeA {
		answer[7] = 1
		answer = append(answer, 0xC0, header, 0, typeA, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
	}
	return answer
}

func (d *destination) got() [][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bodies
}

// sums returns what the destination holds: the sum of all deltas of OTLP, or the
// last total that HQ got. Points with a state are listed as name=state.
func (d *destination) sums(t *testing.T) map[string]int64 {
	t.Helper()
	sums := make(map[string]int64)
	for _, body := range d.got() {
		if d.hq {
			var upload struct{ Data map[string]struct{ Data any } }
			must(t, json.Unmarshal(body, &upload))
			clear(sums)
			for name, u := range upload.Data {
				if n, ok := u.Data.(float64); ok {
					sums[name] = int64(n)
				}
			}
			continue
		}
		request := new(collector.ExportMetricsServiceRequest)
		must(t, proto.Unmarshal(body, request))
		for _, rm := range request.ResourceMetrics {
			for _, sm := range rm.ScopeMetrics {
				for _, m := range sm.Metrics {
					for _, p := range m.GetSum().GetDataPoints() {
						name := m.Name
						for _, kv := range p.Attributes {
							if kv.Key == "state" {
								name += "=" + kv.Value.GetStringValue()
							}
						}
						sums[name] += p.GetAsInt()
					}
				}
			}
		}
	}
	return sums
}

// silent fails the test where anything reached for the network.
func (d *destination) silent(t *testing.T) {
	t.Helper()
	if l, c, r := d.lookups.Load(), d.connections.Load(), len(d.got()); l+c+int64(r) > 0 {
		t.Errorf("%d look-ups, %d connections, %d requests, want none", l, c, r)
	}
}

func (d *destination) config(path string) Config {
	c := Config{Tracker: new(otelusage.Tracker), FilePath: path, ApplicationName: "game", ApplicationVersion: "1.0"}
	if d.hq {
		c.HQ = &HQ{Host: d.url, APIKey: "k"}
	} else {
		c.OTLP = &OTLP{Endpoint: d.url, Compression: "none"}
	}
	return c
}

// balanceOf returns the balances by name, summed over series, and fails where
// one is off.
func balanceOf(t *testing.T, s *localstore.Store) map[string]health.Balance {
	t.Helper()
	list, err := s.Balance(t.Context())
	must(t, err)
	found := make(map[string]health.Balance)
	for _, b := range list {
		if b.Off != "" {
			t.Error(b.Off)
		}
		if sum, ok := found[b.Name]; ok {
			b.Recorded, b.Accepted, b.InFlight = b.Recorded.Add(sum.Recorded), b.Accepted.Add(sum.Accepted), b.InFlight.Add(sum.InFlight)
			b.Pending, b.Withheld = b.Pending.Add(sum.Pending), b.Withheld.Add(sum.Withheld)
		}
		found[b.Name] = b
	}
	return found
}

// places writes a balance as recorded, pending, withheld.
func places(b health.Balance) string {
	return fmt.Sprintf("%s, %s, %s", whole(b.Recorded), whole(b.Pending), whole(b.Withheld))
}

func whole(v series.Value) string {
	if v.IsZero() {
		return "0"
	}
	return v.String()
}

// TestConsentMatrix: each stage counts 1 before anybody is asked, 10 once
// enabled, 100 once disabled, 1000 once enabled again, and submits at its end.
func TestConsentMatrix(t *testing.T) {
	type row struct {
		mode      localstore.Mode
		sending   bool
		shouldAsk bool
		reason    string
		recorded  int64
		sent      int64
	}
	const notRequired, required = "consent is not required", "consent is required and was not given yet"
	const on, local = "sending is switched on", "sending is switched off, usage is recorded on this machine only"
	const dnt, off = "DO_NOT_TRACK is set", "usage tracking is switched off in the configuration"
	stages := [4]string{"never asked", "enabled", "disabled", "enabled again"}
	for _, tt := range []struct {
		name       string
		edit       func(*Config)
		doNotTrack string
		rows       [len(stages)]row
	}{
		{"default", func(*Config) {}, "", [...]row{
			{localstore.ModeUnset, true, false, notRequired, 1, 1}, {localstore.ModeOn, true, false, on, 11, 11},
			{localstore.ModeLocal, false, false, local, 111, 0}, {localstore.ModeOn, true, false, on, 1111, 1000}}},
		{"default", func(*Config) {}, "1", [...]row{
			{localstore.ModeUnset, false, false, dnt, 1, 0}, {localstore.ModeOn, false, false, dnt, 11, 0},
			{localstore.ModeLocal, false, false, dnt, 111, 0}, {localstore.ModeOn, false, false, dnt, 1111, 0}}},
		{"RequireConsent", func(c *Config) { c.RequireConsent = true }, "", [...]row{
			{localstore.ModeUnset, false, true, required, 1, 0}, {localstore.ModeOn, true, false, on, 11, 10},
			{localstore.ModeLocal, false, false, local, 111, 0}, {localstore.ModeOn, true, false, on, 1111, 1000}}},
		{"RequireConsent", func(c *Config) { c.RequireConsent = true }, "1", [...]row{
			{localstore.ModeUnset, false, false, dnt, 1, 0}, {localstore.ModeOn, false, false, dnt, 11, 0},
			{localstore.ModeLocal, false, false, dnt, 111, 0}, {localstore.ModeOn, false, false, dnt, 1111, 0}}},
		{"enabled=false", disableInFile, "", [...]row{{reason: off}, {reason: off}, {reason: off}, {reason: off}}},
		{"enabled=false", disableInFile, "1", [...]row{{reason: off}, {reason: off}, {reason: off}, {reason: off}}},
	} {
		for stage, want := range tt.rows {
			for _, hq := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, DO_NOT_TRACK=%s, hq=%v", tt.name, stages[stage], tt.doNotTrack, hq), func(t *testing.T) {
					t.Setenv("DO_NOT_TRACK", tt.doNotTrack)
					d, path := newDestination(t, hq), filepath.Join(t.TempDir(), "made", "usage.db")
					c := d.config(path)
					tt.edit(&c)
					u := started(t, c)
					n := count(t, u, 1)
					_, err := u.Tracker().State("theme", "dark")
					must(t, err)
					recording := !c.Disabled
					for i, step := range []func(context.Context) error{u.Enable, u.Disable, u.Enable}[:stage] {
						if err := step(t.Context()); recording == errors.Is(err, standalone.ErrNotRecording) {
							t.Fatalf("step %d: %v", i, err)
						}
						n.Add([]int64{10, 100, 1000}[i])
					}
					must(t, u.Flush(t.Context()))
					d.silent(t)
					got, err := u.Consent(t.Context())
					must(t, err)
					if !recording {
						want.mode = localstore.ModeOff
					}
					if got.Mode != want.mode || got.Sending != want.sending || got.ShouldAsk != want.shouldAsk || got.Reason != want.reason {
						t.Errorf("consent is %+v, want %+v", got, want)
					}
					if err := u.Submit(t.Context()); want.sending && err != nil || !want.sending && !errors.Is(err, exporter.ErrNoConsent) {
						t.Errorf("Submit: %v", err)
					}
					if want.sending {
						beats := int64(3) // of day, week and month
						if hq || stage == 3 {
							beats = 0 // this period's were withheld by Disable
						}
						if sums := d.sums(t); sums["n"] != want.sent || sums["otelusage.active"] != beats || stage == 3 && sums["theme.occupancy=dark"] != 0 {
							t.Errorf("the destination holds %v, want n = %d and %d heartbeats", sums, want.sent, beats)
						}
						if d.lookups.Load() == 0 {
							t.Error("the name was not looked up: the test shows nothing")
						}
					} else {
						d.silent(t)
					}
					if recording {
						pending := int64(0)
						if hq {
							pending = want.sent // HQ leaves what OTLP would be sent alone
						}
						b := balanceOf(t, u.Store())
						if got, want := places(b["n"]), fmt.Sprintf("%d, %d, %d", want.recorded, pending, want.recorded-want.sent); got != want {
							t.Errorf("recorded, pending, withheld: %s, want %s", got, want)
						}
						_, beats := b["otelusage.active"]
						if sharedOnce := want.sending || stage == 2 && tt.doNotTrack == ""; beats != sharedOnce {
							t.Errorf("heartbeats: %v, want %v", beats, sharedOnce)
						}
					}
					must(t, u.Close())
					if !want.sending {
						d.silent(t)
					}
					if _, err := os.Stat(filepath.Dir(path)); recording != (err == nil) {
						t.Errorf("the mirror's directory: %v", err)
					}
				})
			}
		}
	}
}

// disableInFile takes enabled = false from a configuration file.
func disableInFile(c *Config) {
	loaded, err := parse("usage.ini", []byte(strings.Replace(sample, "debug = false", "enabled = false", 1)))
	if err == nil {
		c.Disabled = loaded.Disabled
	}
}

func TestSDKDisabledLeavesNoTrace(t *testing.T) {
	t.Setenv("OTEL_SDK_DISABLED", "true")
	for _, hq := range []bool{false, true} {
		d, dir := newDestination(t, hq), t.TempDir()
		before := runtime.NumGoroutine()
		u := started(t, d.config(filepath.Join(dir, "made", "usage.db")))
		count(t, u, 1)
		if after := runtime.NumGoroutine(); after > before {
			t.Errorf("%d goroutines more", after-before)
		}
		c, err := u.Consent(t.Context())
		if err != nil || c.Sending || c.ShouldAsk || c.Reason != "OTEL_SDK_DISABLED is set" {
			t.Errorf("consent is %+v, %v", c, err)
		}
		if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) {
			t.Errorf("Submit: %v", err)
		}
		must(t, u.Close())
		d.silent(t)
		if made, err := os.ReadDir(dir); err != nil || len(made) > 0 {
			t.Errorf("made %v, %v", made, err)
		}
	}
}

func TestBatchInFlightRestsWhileDisabled(t *testing.T) {
	d := newDestination(t, false)
	u, err := Start(t.Context(), d.config(filepath.Join(t.TempDir(), "usage.db")))
	must(t, err)
	n := count(t, u, 1)
	d.failing.Store(true)
	if err := u.Submit(t.Context()); err == nil {
		t.Fatal("a 503 is no error")
	}
	must(t, u.Disable(t.Context()))
	d.failing.Store(false)
	n.Add(10)
	if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) {
		t.Errorf("Submit: %v", err)
	}
	if b := balanceOf(t, u.Store())["n"]; places(b) != "11, 0, 10" || whole(b.InFlight) != "1" || len(d.got()) != 1 {
		t.Errorf("recorded, pending, withheld: %s; in flight %s; %d requests", places(b), whole(b.InFlight), len(d.got()))
	}
	must(t, u.Enable(t.Context()))
	n.Add(100)
	must(t, u.Submit(t.Context()))
	bodies := d.got()
	if len(bodies) != 3 || string(bodies[1]) != string(bodies[0]) {
		t.Fatalf("%d requests, want the first again, unchanged, and a second", len(bodies))
	}
	d.mu.Lock()
	d.bodies = bodies[1:]
	d.mu.Unlock()
	if got := d.sums(t)["n"]; got != 101 {
		t.Errorf("received %d, want 101", got)
	}
	balanceOf(t, u.Store())
	must(t, u.Close())
}

// TestCountThatStraddlesEnable: another process enables between two recordings
// of this one, which cannot tell what was counted on which side.
func TestCountThatStraddlesEnable(t *testing.T) {
	for _, hq := range []bool{false, true} {
		d, path := newDestination(t, hq), filepath.Join(t.TempDir(), "usage.db")
		c := d.config(path)
		c.RequireConsent = true
		u := started(t, c)
		n := count(t, u, 1)
		must(t, u.Flush(t.Context()))
		n.Add(10)
		other, err := localstore.Open(path)
		must(t, err)
		must(t, other.Enable(t.Context()))
		n.Add(100)
		must(t, u.Flush(t.Context()))
		n.Add(1000)
		must(t, u.Submit(t.Context()))
		if got := d.sums(t)["n"]; got != 1000 {
			t.Errorf("hq=%v: received %d, want 1000", hq, got)
		}
		must(t, other.Disable(t.Context()))
		sent := len(d.got())
		n.Add(5)
		if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) || len(d.got()) != sent {
			t.Errorf("hq=%v: Submit after another process's Disable: %v", hq, err)
		}
		balanceOf(t, u.Store())
		must(t, errors.Join(other.Close(), u.Close()))
	}
}

// TestProcessesWithDifferentEnvironments share a mirror.
func TestProcessesWithDifferentEnvironments(t *testing.T) {
	for _, hq := range []bool{false, true} {
		d, path := newDestination(t, hq), filepath.Join(t.TempDir(), "usage.db")
		u := started(t, d.config(path))
		n := count(t, u, 1)
		must(t, u.Flush(t.Context()))
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildThatIsNotTracked$")
		cmd.Env = append(os.Environ(), "DO_NOT_TRACK=1", "OTELUSAGE_CHILD_MIRROR="+path, "OTELUSAGE_CHILD_URL="+d.url)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		d.silent(t)
		n.Add(10)
		must(t, u.Submit(t.Context()))
		if got := d.sums(t)["n"]; got != 11 {
			t.Errorf("hq=%v: received %d, want 11", hq, got)
		}
		b := balanceOf(t, u.Store())["n"]
		if whole(b.Recorded) != "111" || whole(b.Withheld) != "100" {
			t.Errorf("hq=%v: recorded, pending, withheld: %s", hq, places(b))
		}
		must(t, u.Close())
	}
}

// TestChildThatIsNotTracked is the other process of the test above.
func TestChildThatIsNotTracked(t *testing.T) {
	path := os.Getenv("OTELUSAGE_CHILD_MIRROR")
	if path == "" {
		t.Skip("run by TestProcessesWithDifferentEnvironments")
	}
	u := started(t, Config{FilePath: path, ApplicationName: "game", ApplicationVersion: "1.0", OTLP: &OTLP{Endpoint: os.Getenv("OTELUSAGE_CHILD_URL")}})
	count(t, u, 100)
	if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) {
		t.Errorf("Submit: %v", err)
	}
	must(t, u.Close())
}

func TestRequiredConsentIsKeptByLaterPrograms(t *testing.T) {
	d, path := newDestination(t, false), filepath.Join(t.TempDir(), "usage.db")
	c := d.config(path)
	c.RequireConsent = true
	must(t, started(t, c).Close())
	u := started(t, d.config(path))
	count(t, u, 1)
	consent, err := u.Consent(t.Context())
	if err != nil || consent.Sending || !consent.ShouldAsk {
		t.Errorf("consent is %+v, %v", consent, err)
	}
	if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) {
		t.Errorf("Submit: %v", err)
	}
	must(t, u.Close())
	d.silent(t)
}

// TestWhatIsCountedWhileOffIsNeverRecorded by a process that noticed. One that
// recorded nothing between the two decisions cannot tell, and sends none of it.
func TestWhatIsCountedWhileOffIsNeverRecorded(t *testing.T) {
	for noticed, recorded := range map[bool]string{true: "1001", false: "1111"} {
		d := newDestination(t, false)
		u := started(t, d.config(filepath.Join(t.TempDir(), "usage.db")))
		n := count(t, u, 1)
		must(t, u.Flush(t.Context()))
		must(t, u.Store().SetMode(t.Context(), localstore.ModeOff))
		n.Add(10)
		if noticed {
			if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) {
				t.Errorf("Submit: %v", err)
			}
			if c, err := u.Consent(t.Context()); err != nil || c.Reason != "recording is switched off" {
				t.Errorf("consent is %+v, %v", c, err)
			}
		}
		n.Add(100)
		d.silent(t)
		must(t, u.Store().SetMode(t.Context(), localstore.ModeOn))
		must(t, u.Flush(t.Context()))
		n.Add(1000)
		must(t, u.Submit(t.Context()))
		if got := balanceOf(t, u.Store())["n"]; whole(got.Recorded) != recorded {
			t.Errorf("noticed %v: recorded %s, want %s", noticed, whole(got.Recorded), recorded)
		}
		if got := d.sums(t)["n"]; got != 1000 {
			t.Errorf("received %d, want 1000", got)
		}
		must(t, u.Close())
	}
}

// TestStateThatWaitedWhenDisabledIsNotSent: like a count, a state that was not
// sent yet is withheld until the setting changes again.
func TestStateThatWaitedWhenDisabledIsNotSent(t *testing.T) {
	d := newDestination(t, false)
	u := started(t, d.config(filepath.Join(t.TempDir(), "usage.db")))
	theme, err := u.Tracker().State("theme", "dark")
	must(t, err)
	must(t, u.Submit(t.Context()))
	theme.Set("light")
	must(t, u.Disable(t.Context()))
	must(t, u.Enable(t.Context()))
	n := count(t, u, 1)
	must(t, u.Submit(t.Context()))
	if got := d.sums(t); got["theme.occupancy=light"] != 0 || got["theme.occupancy=dark"] != 1 {
		t.Errorf("sent %v, want dark alone", got)
	}
	theme.Set("blue")
	n.Add(1)
	must(t, u.Submit(t.Context()))
	if got := d.sums(t); got["theme.occupancy=blue"] != 1 || got["theme.occupancy=dark"] != 0 || got["theme.occupancy=light"] != 0 {
		t.Errorf("sent %v, want blue alone", got)
	}
	must(t, u.Close())
}
