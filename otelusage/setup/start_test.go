package setup

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// server answers as HQ or as an OTLP receiver does, and keeps what it got.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func newServer(t *testing.T, answer, contentType string) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.requests, s.bodies = append(s.requests, r), append(s.bodies, string(body))
		s.mu.Unlock()
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) got() (requests []*http.Request, bodies []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests, s.bodies
}

func newHQ(t *testing.T) *server   { return newServer(t, "Success", "text/html") }
func newOTLP(t *testing.T) *server { return newServer(t, "", "application/x-protobuf") }

// started fails the test for what is reported, except that the destinations of tests
// that watch the network are plain http://.
func started(t *testing.T, c Config) *Usage {
	t.Helper()
	if c.OnError == nil {
		c.OnError = func(err error) {
			if !errors.Is(err, outcome.ErrPlainText) {
				t.Error("reported:", err)
			}
		}
	}
	if c.Tracker == nil {
		c.Tracker = new(otelusage.Tracker)
	}
	u, err := Start(t.Context(), c)
	must(t, err)
	return u
}

func count(t *testing.T, u *Usage, n int64) *otelusage.Statistic {
	t.Helper()
	s, err := u.Tracker().Statistic("n")
	must(t, err)
	s.Add(n)
	return s
}

func TestStartUploadsToTheHQOfTheFile(t *testing.T) {
	hq := newHQ(t)
	path := filepath.Join(t.TempDir(), "usage.db")
	c, err := LoadFile(write(t, fmt.Sprintf("[General]\nfilepath = %s\napplication_name = MyApp\napplication_version = 1.0\n"+
		"installation_id = user-1\nsubmit_interval_s = 3600\n[HQ]\nhost = %s\napi_key = a%%b;c#d\n", path, hq.URL)))
	must(t, err)
	u := started(t, c)
	count(t, u, 10)
	must(t, u.Submit(t.Context()))
	must(t, u.Close())
	requests, bodies := hq.got()
	if len(requests) != 1 || requests[0].URL.Path != "/usagestats/upload" {
		t.Fatalf("%d uploads, want one: %v", len(requests), bodies)
	}
	var body struct {
		Key  string `json:"API Key"`
		User string `json:"User Identifier"`
		Name string `json:"Application Name"`
		Data map[string]struct{ Data any }
	}
	must(t, json.Unmarshal([]byte(bodies[0]), &body))
	if body.Key != "a%b;c#d" || body.User != "user-1" || body.Name != "MyApp" || body.Data["n"].Data != 10.0 {
		t.Errorf("uploaded %+v", body)
	}
}

func TestStartSubmitsToTheCollectorOfTheFileAlone(t *testing.T) {
	collector, theirs := newOTLP(t), newOTLP(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", theirs.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", theirs.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "X-Token=theirs")
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=theirs")
	t.Setenv("OTEL_SERVICE_NAME", "their-service")
	path := filepath.Join(t.TempDir(), "usage.db")
	c, err := LoadFile(write(t, fmt.Sprintf("[General]\nfilepath = %s\napplication_name = MyApp\n"+
		"submit_interval_s = 3600\n[OTLP]\nendpoint = %s\nheaders = X-Key = a=b\ncompression = none\n", path, collector.URL)))
	must(t, err)
	u := started(t, c)
	count(t, u, 10)
	must(t, u.Submit(t.Context()))
	must(t, u.Close())
	requests, bodies := collector.got()
	if len(requests) != 1 {
		t.Fatalf("%d requests, want one", len(requests))
	}
	r := requests[0]
	if r.URL.Path != "/v1/metrics" || r.Header.Get("X-Key") != "a=b" || r.Header.Get("X-Token") != "" || r.Header.Get("Content-Encoding") != "" {
		t.Errorf("got %s with %v", r.URL, r.Header)
	}
	if !strings.Contains(bodies[0], "MyApp") || strings.Contains(bodies[0], "their") {
		t.Errorf("the request holds the user's environment: %q", bodies[0])
	}
	if requests, _ := theirs.got(); len(requests) > 0 {
		t.Error("the endpoint of the user's environment was asked")
	}
}

func TestWhatCodeSetsWins(t *testing.T) {
	collector := newOTLP(t)
	t.Chdir(t.TempDir())
	c, err := LoadFile(write(t, strings.Replace(sample, "debug = false", "debug = true\nenabled = false", 1)))
	must(t, err)
	c.FilePath, c.SubmitInterval, c.Disabled, c.Debug = "mine.db", time.Hour, false, false
	c.HQ, c.OTLP = nil, &OTLP{Endpoint: collector.URL}
	u := started(t, c)
	count(t, u, 1)
	must(t, u.Submit(t.Context()))
	must(t, u.Close())
	if requests, _ := collector.got(); len(requests) != 1 {
		t.Errorf("%d requests, want one", len(requests))
	}
	if _, err := os.Stat("mine.db"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("usage_stats.db"); err == nil {
		t.Error("the file's filepath was used")
	}
}

func TestStartMakesNothingOfABadConfiguration(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	hq, collector := func() *HQ { return &HQ{Host: "h", APIKey: "k"} }, func() *OTLP { return &OTLP{Endpoint: "http://h"} }
	for _, tt := range []struct {
		name string
		edit func(*Config)
		want error
	}{
		{"zero", func(c *Config) { c.FilePath, c.ApplicationName = "", "" }, ErrMissingKey},
		{"name that is a path", func(c *Config) { c.FilePath, c.ApplicationName = "", "../up" }, ErrBadValue},
		{"NUL in the path", func(c *Config) { c.FilePath += "\x00" }, ErrBadValue},
		{"line break in the name", func(c *Config) { c.ApplicationName = "a\nb" }, ErrBadValue},
		{"version in Latin-1", func(c *Config) { c.ApplicationVersion = "\xf6" }, ErrBadValue},
		{"installation id", func(c *Config) { c.InstallationID = "a\nb" }, ErrBadValue},
		{"long installation id", func(c *Config) { c.InstallationID = strings.Repeat("a", 256) }, ErrBadValue},
		{"negative submit interval", func(c *Config) { c.SubmitInterval = -time.Second }, ErrBadValue},
		{"absurd submit interval", func(c *Config) { c.SubmitInterval = 1 << 62 }, ErrBadValue},
		{"negative check interval", func(c *Config) { c.CheckInterval = -time.Second }, ErrBadValue},
		{"negative record interval", func(c *Config) { c.RecordInterval = -1 }, ErrBadValue},
		{"negative close timeout", func(c *Config) { c.CloseTimeout = -1 }, ErrBadValue},
		{"negative submit wait", func(c *Config) { c.SubmitWait = -1 }, ErrBadValue},
		{"two destinations", func(c *Config) { c.HQ, c.OTLP = hq(), collector() }, ErrTwoDestinations},
		{"no endpoint", func(c *Config) { c.OTLP = new(OTLP) }, ErrMissingKey},
		{"bad endpoint", func(c *Config) { c.OTLP = &OTLP{Endpoint: "localhost:4318"} }, ErrBadValue},
		{"bad compression", func(c *Config) { c.OTLP = collector(); c.OTLP.Compression = "zstd" }, ErrBadValue},
		{"bad header", func(c *Config) { c.OTLP = collector(); c.OTLP.Headers = map[string]string{"A": "b\nc"} }, ErrBadValue},
		{"negative OTLP timeout", func(c *Config) { c.OTLP = collector(); c.OTLP.Timeout = -1 }, ErrBadValue},
		{"no host", func(c *Config) { c.HQ = &HQ{APIKey: "k"} }, ErrMissingKey},
		{"no key", func(c *Config) { c.HQ = &HQ{Host: "h"} }, ErrMissingKey},
		{"key with a line break", func(c *Config) { c.HQ = &HQ{Host: "h", APIKey: "a\nb"} }, ErrBadValue},
		{"bad host", func(c *Config) { c.HQ = &HQ{Host: "u:p@h", APIKey: "k"} }, ErrBadValue},
		{"negative HQ timeout", func(c *Config) { c.HQ = hq(); c.HQ.Timeout = -1 }, ErrBadValue},
		{"HQ without a name", func(c *Config) { c.HQ, c.ApplicationName = hq(), "" }, ErrMissingKey},
		{"HQ without an id", func(c *Config) { c.HQ, c.Unlinkable = hq(), true }, exporter.ErrNeedsID},
		{"HQ with an id that changes", func(c *Config) { c.HQ, c.InstallationRotation = hq(), 24*time.Hour }, exporter.ErrNeedsID},
		{"a given id that changes", func(c *Config) { c.InstallationID, c.InstallationRotation = "seat 7", 24*time.Hour }, ErrBadValue},
		{"negative rotation", func(c *Config) { c.InstallationRotation = -1 }, ErrBadValue},
		{"bad but never used", func(c *Config) { c.OTLP, c.SubmitInterval = new(OTLP), NeverSubmit }, ErrMissingKey},
		{"bad and disabled", func(c *Config) { c.OTLP, c.Disabled = new(OTLP), true }, ErrMissingKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			var reported []error
			c := Config{Tracker: new(otelusage.Tracker), FilePath: filepath.Join(dir, "below", "usage.db"), ApplicationName: "game", Debug: true,
				OnError: func(err error) { reported = append(reported, err) }}
			tt.edit(&c)
			u, err := Start(t.Context(), c)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if !errors.Is(u.Err(), tt.want) || len(reported) != 1 {
				t.Errorf("Err has %v, OnError got %v", u.Err(), reported)
			}
			if s := count(t, u, 2); s.Value() != 2 {
				t.Errorf("counted %d, want 2", s.Value())
			}
			if u.Store() != nil {
				t.Error("there is a mirror")
			}
			must(t, u.Close())
			for _, d := range []string{dir, os.Getenv("XDG_CONFIG_HOME")} {
				if made, err := os.ReadDir(d); err != nil || len(made) > 0 {
					t.Errorf("made %v, %v", made, err)
				}
			}
		})
	}
}

func TestStartReportsAllThatIsWrong(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want []string
		not  string
	}{
		{Config{SubmitInterval: -2, OTLP: new(OTLP)}, []string{"FilePath", "SubmitInterval", "OTLP.Endpoint"}, "sound"},
		{Config{OTLP: &OTLP{Endpoint: "ftp://x", Headers: map[string]string{"a b": "hunter2"}, Compression: "zip", Timeout: -1}},
			[]string{"OTLP.Timeout", "WithEndpointURL", "WithHeaders", "WithCompression"}, "hunter2"},
		{Config{OTLP: &OTLP{Timeout: -1, TLSConfig: new(tls.Config)}}, []string{"OTLP.Timeout", "OTLP.Endpoint"}, "has no TLS"},
		{Config{HQ: &HQ{Host: "a?b", APIKey: "hun\nter2", Timeout: -1}}, []string{"HQ.APIKey", "HQ.Timeout", "holds a query"}, "ter2"},
		{Config{HQ: &HQ{Timeout: -1}}, []string{"HQ.Host", "HQ.APIKey", "HQ.Timeout"}, "sound"},
	} {
		c.cfg.Tracker = new(otelusage.Tracker)
		_, err := Start(t.Context(), c.cfg)
		for _, want := range c.want {
			if text := fmt.Sprint(err); !strings.Contains(text, want) || strings.Contains(text, c.not) {
				t.Errorf("%s is not in %v, or %s is", want, err, c.not)
			}
		}
	}
}

func TestNothingIsSentOrRecordedUnderAVeto(t *testing.T) {
	for _, tt := range []struct {
		name, key, value string
		edit             func(*Config)
		mirror           bool
	}{
		{"disabled", "", "", func(c *Config) { c.Disabled = true }, false},
		{"disabled without a place", "", "", func(c *Config) { c.Disabled, c.FilePath, c.ApplicationName = true, "", "game" }, false},
		{"OTEL_SDK_DISABLED", "OTEL_SDK_DISABLED", "true", func(*Config) {}, false},
		{"DO_NOT_TRACK", "DO_NOT_TRACK", "1", func(*Config) {}, true},
		{"never submit", "", "", func(c *Config) { c.SubmitInterval = NeverSubmit }, true},
		{"no consent", "", "", func(c *Config) { c.RequireConsent = true }, true},
		{"no destination", "", "", func(c *Config) { c.HQ = nil }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.key != "" {
				t.Setenv(tt.key, tt.value)
			}
			hq, dir := newHQ(t), t.TempDir()
			c := Config{Tracker: new(otelusage.Tracker), FilePath: filepath.Join(dir, "usage.db"), ApplicationName: "game", ApplicationVersion: "1.0", HQ: &HQ{Host: hq.URL, APIKey: "k"}}
			tt.edit(&c)
			u := started(t, c)
			if s := count(t, u, 2); s.Value() != 2 {
				t.Errorf("counted %d, want 2", s.Value())
			}
			consent, err := u.Consent(t.Context())
			must(t, err)
			if consent.Sending || consent.Reason == "" {
				t.Errorf("consent is %+v", consent)
			}
			if err := u.Submit(t.Context()); err == nil || tt.mirror && !errors.Is(err, exporter.ErrNoConsent) {
				t.Errorf("Submit returned %v", err)
			}
			must(t, u.Close())
			if requests, _ := hq.got(); len(requests) > 0 {
				t.Error("something was sent")
			}
			if made, err := os.ReadDir(dir); err != nil || (len(made) > 0) != tt.mirror {
				t.Errorf("made %v, %v", made, err)
			}
		})
	}
}

func TestStartWithAContextThatIsDoneOrNil(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "usage.db")
	u, err := Start(ctx, Config{Tracker: new(otelusage.Tracker), FilePath: path, OTLP: &OTLP{Endpoint: "http://127.0.0.1:1"}})
	if !errors.Is(err, context.Canceled) || u == nil {
		t.Fatalf("got %v, %v", u, err)
	}
	must(t, u.Close())
	var none context.Context
	u, err = Start(none, Config{Tracker: new(otelusage.Tracker), FilePath: path})
	must(t, err)
	must(t, u.Close())
}

func TestDebugOnlyTellsMore(t *testing.T) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { t.Error("otel.Handle got", err) }))
	t.Cleanup(func() { otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) })
	for _, debug := range []bool{false, true} {
		reported := 0
		u, err := Start(t.Context(), Config{Tracker: new(otelusage.Tracker), Debug: debug, OnError: func(error) { reported++ }})
		if err == nil || u.Err() == nil || (reported == 1) != debug {
			t.Errorf("debug %v: %v, reported %d times", debug, err, reported)
		}
		u, err = Start(t.Context(), Config{Tracker: new(otelusage.Tracker), Debug: debug})
		if err == nil || u.Err() == nil {
			t.Errorf("debug %v without OnError: %v", debug, err)
		}
	}
}

func TestWhatStandaloneGets(t *testing.T) {
	for _, tt := range []struct{ given, want time.Duration }{
		{0, time.Minute}, {time.Second, time.Second}, {time.Hour, time.Minute},
	} {
		if got := (&Config{RecordInterval: tt.given}).standalone().RecordInterval; got != tt.want {
			t.Errorf("record interval %v for %v, want %v", got, tt.given, tt.want)
		}
	}
	if got := (&Config{Unlinkable: true, InstallationRotation: time.Hour}).standalone(); !got.Unlinkable || got.InstallationRotation != time.Hour {
		t.Errorf("standalone gets %+v", got)
	}
	named := resource.NewSchemaless(attribute.String("service.name", "game"))
	if err := (&Config{FilePath: "a.db", HQ: &HQ{}, Resource: named}).check(); err != nil {
		t.Error(err)
	}
}

func TestPrintingShowsNoSecret(t *testing.T) {
	c := Config{HQ: &HQ{Host: "h", APIKey: "s3cret"}, OTLP: &OTLP{Endpoint: "http://h", Headers: map[string]string{"K": "s3cret"}}}
	encoded, err := json.Marshal([]any{c.HQ, c.OTLP})
	must(t, err)
	texts := []string{string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		texts = append(texts, fmt.Sprintf(verb, c), fmt.Sprintf(verb, c.HQ), fmt.Sprintf(verb, *c.HQ), fmt.Sprintf(verb, c.OTLP), fmt.Sprintf(verb, *c.OTLP))
	}
	for _, s := range texts {
		if strings.Contains(s, "s3cret") || strings.Contains(s, "733363726574") {
			t.Error(s)
		}
	}
}
