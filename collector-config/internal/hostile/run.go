package hostile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/exposition"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/prometheus"
)

// Setup is what attacks run against.
type Setup struct {
	Dir      string // collector-config
	Program  string // the Collector
	Query    string // the program in cmd/query
	Plan     bool   // the configurations allow the simulation's series alone
	Patience time.Duration

	// Settle is how long an attack is alone before honest installations send again.
	// What they send would otherwise take the place of what it showed.
	Settle time.Duration
}

// Limits of what an attack may take.
const (
	MaxMemory  = 400 << 20 // of the Collector; its memory_limiter has 512 MiB
	MaxArchive = 4 << 20   // of the archive, for each request
)

const (
	pollInterval = 50 * time.Millisecond
	maxSamples   = 500_000 // sample_limit in prometheus.yml
	installed    = 6       // honest installations before and after each attack
)

// Harm is what attacks did, in the words of the one who looks. Empty texts are none.
type Harm struct {
	Honest, Totals, Scrape, Memory, Archive, Questions string

	Peak, Archived int64 // bytes
}

// Any reports whether there was harm.
func (h Harm) Any() bool { return h.Text() != "" }

// Text has all of it.
func (h Harm) Text() string {
	var said []string
	for _, s := range []string{h.Honest, h.Totals, h.Scrape, h.Memory, h.Archive, h.Questions} {
		if s != "" {
			said = append(said, s)
		}
	}
	return strings.Join(said, "; ")
}

// Lab is a Prometheus, and the addresses of the Collectors that it scrapes, one
// after the other: a new Prometheus takes five seconds to begin.
type Lab struct {
	Setup
	work       string
	at         otelcol.Addresses
	prometheus *prometheus.Server
}

// Open starts a Lab.
func Open(ctx context.Context, s Setup) (_ *Lab, err error) {
	l := &Lab{Setup: s}
	if l.work, err = os.MkdirTemp("", "otelusage-hostile-"); err != nil {
		return nil, fmt.Errorf("open lab: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(l.work))
		}
	}()
	if l.at, err = otelcol.FreeAddresses(""); err != nil {
		return nil, err
	}
	l.prometheus, err = prometheus.Start(ctx, filepath.Join(s.Dir, "prometheus.yml"), l.work, map[string]string{
		"localhost:8889": l.at.Prometheus, "localhost:8888": l.at.Telemetry, "scrape_interval: 15s": "scrape_interval: 250ms"})
	return l, err
}

// Close ends it.
func (l *Lab) Close() error {
	l.prometheus.Stop()
	return os.RemoveAll(l.work)
}

// trial is a Collector and what was sent.
type trial struct {
	*Lab
	collector *otelcol.Process
	sent      fleet.Totals // of honest installations
	besides   fleet.Totals // what attacks count in Prometheus
	archived  fleet.Totals // and in the archive
	saves     int          // in Prometheus
	rounds    uint64
	known     fleet.Totals // if the streams are full: those that were there before
}

// Try runs attacks against one Collector with the configurations, one after the
// other, and stops at the first that does harm. An error is no harm: something else
// failed.
func (l *Lab) Try(ctx context.Context, configs []string, attacks ...Attack) (harm Harm, err error) {
	dir, err := os.MkdirTemp(l.work, "trial-")
	if err != nil {
		return Harm{}, fmt.Errorf("try attack: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	at := l.at
	at.Archive = filepath.Join(dir, "usage.jsonl")
	t := &trial{Lab: l, sent: make(fleet.Totals), besides: make(fleet.Totals), archived: make(fleet.Totals)}
	configs = append(slices.Clone(configs), "yaml:processors::batch::timeout: 50ms")
	if content, err := os.ReadFile(configs[0]); err == nil && bytes.Contains(content, []byte("otlp_json_file")) {
		configs = append(configs, "yaml:receivers::otlp_json_file::poll_interval: 50ms", "yaml:receivers::otlp_json_file::force_flush_period: 100ms")
	}
	if t.collector, err = otelcol.Start(ctx, l.Program, at, configs, "OTELUSAGE_APPLICATIONS=editor|viewer"); err != nil {
		return Harm{}, err
	}
	defer func() { err = errors.Join(err, t.collector.Kill()) }()
	return t.run(ctx, attacks)
}

func (t *trial) run(ctx context.Context, attacks []Attack) (Harm, error) {
	for _, a := range attacks {
		if a.First {
			if err := t.attack(ctx, a); err != nil {
				return Harm{}, err
			}
		}
	}
	harm := t.honest(ctx)
	for _, a := range attacks {
		if harm.Any() {
			break
		}
		before := t.archiveSize()
		if !a.First {
			if a.Fills && !t.Plan {
				t.known = make(fleet.Totals)
				t.known.Merge(t.sent)
			}
			if err := t.attack(ctx, a); err != nil {
				return Harm{}, err
			}
		}
		grown := t.archiveSize() - before
		if t.Settle > 0 {
			time.Sleep(t.Settle)
			harm = t.wait(ctx)
		}
		if !harm.Any() {
			harm = t.honest(ctx)
		}
		harm.Archived = grown
		if bodies, err := a.Bodies(); err == nil && grown > MaxArchive*int64(len(bodies)) {
			harm.Archive = fmt.Sprintf("the archive grew by %d bytes", grown)
		}
		if harm.Any() {
			harm.Honest = strings.TrimSpace("after " + a.Name + ": " + harm.Honest)
		}
	}
	return t.look(ctx, harm, attacks)
}

// look looks at what remains.
func (t *trial) look(ctx context.Context, harm Harm, attacks []Attack) (Harm, error) {
	var err error
	if harm.Peak, err = t.collector.PeakMemory(); err != nil {
		return harm, err
	}
	if harm.Peak > MaxMemory {
		harm.Memory = fmt.Sprintf("the Collector took %d MiB", harm.Peak>>20)
	}
	if text, err := t.collector.Scrape(ctx); err != nil {
		harm.Scrape = err.Error()
	} else {
		if samples := bytes.Count(text, []byte("\n")) - bytes.Count(text, []byte("\n#")); samples > maxSamples {
			harm.Scrape = fmt.Sprintf("%d samples are more than Prometheus takes", samples)
		}
		for _, a := range attacks {
			if a.Secret != "" && bytes.Contains(text, []byte(a.Secret)) {
				harm.Scrape = fmt.Sprintf("Prometheus is shown %q", a.Secret)
			}
			if a.Hidden != "" && bytes.Contains(text, []byte(a.Hidden)) {
				harm.Scrape = fmt.Sprintf("Prometheus is shown %q", a.Hidden)
			}
			for _, name := range a.Shows {
				if !t.Plan && !shows(text, name) {
					harm.Scrape = "Prometheus is not shown " + name
				}
			}
		}
	}
	if err := cleanArchive(t.collector.Archive, attacks); err != nil && harm.Archive == "" {
		harm.Archive = err.Error()
	}
	if err := t.questions(ctx); err != nil {
		harm.Questions = err.Error()
	}
	return harm, nil
}

// attack sends. What is answered does not matter.
func (t *trial) attack(ctx context.Context, a Attack) error {
	bodies, err := a.Bodies()
	if err != nil {
		return err
	}
	t.rounds++
	for i, b := range bodies {
		// A mirror of its own, so that the archive does not take it for a resend.
		content := bytes.ReplaceAll(b.Content, []byte("00000000beef"), fmt.Appendf(nil, "%06d%06d", t.rounds, i))
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.collector.URL(), bytes.NewReader(content))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-protobuf")
		if b.Type != "" {
			req.Header.Set("Content-Type", b.Type)
		}
		if b.Encoding != "" {
			req.Header.Set("Content-Encoding", b.Encoding)
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}
	t.besides.Merge(a.Counts)
	if a.Archived == nil {
		a.Archived = a.Counts
	}
	t.archived.Merge(a.Archived)
	t.saves += a.Saves
	return nil
}

// honest sends what installations send, and waits until Prometheus has all of it.
func (t *trial) honest(ctx context.Context) Harm {
	ctx, cancel := context.WithTimeout(ctx, t.Patience)
	defer cancel()
	t.rounds++
	r, err := fleet.Run(ctx, t.collector.URL(), fleet.Config{Installations: installed, Seed: t.rounds, Until: time.Now(), Senders: 2})
	if err == nil {
		t.sent.Merge(r.Sent)
		err = t.save(ctx)
	}
	if err != nil {
		return Harm{Honest: fmt.Sprintf("honest installations are refused: %v", err)}
	}
	return t.wait(ctx)
}

// wait waits until Prometheus has all that was sent.
func (t *trial) wait(ctx context.Context) Harm {
	ctx, cancel := context.WithTimeout(ctx, t.Patience)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := t.shown(ctx)
		if err == nil {
			return Harm{}
		}
		select {
		case <-ctx.Done():
			if down := t.down(context.WithoutCancel(ctx)); down != "" {
				return Harm{Scrape: down}
			}
			return Harm{Totals: err.Error()}
		case <-tick.C:
		}
	}
}

// save sends one request more, with two attributes and a key that Prometheus
// spells differently, and a heartbeat of today.
func (t *trial) save(ctx context.Context) error {
	date := today()
	body, err := encode(like(statistics(counter("saves", whole(1, text("sort.by", "date"), text("via", "web"))),
		sum("otelusage.active", installation, true, whole(1, text("date", date), text("period", "day"))))))
	if err != nil {
		return err
	}
	body = bytes.ReplaceAll(body, []byte("00000000beef"), fmt.Appendf(nil, "%012d", t.rounds))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.collector.URL(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	t.saves++
	t.sent.Merge(fleet.Totals{editor1("otelusage.active", "date="+date+",period=day"): {Sum: 1}})
	return resp.Body.Close()
}

// shown compares what Prometheus has with what was sent.
func (t *trial) shown(ctx context.Context) error {
	samples, err := t.samples(ctx, strings.Join(fleet.ShownAs(), "|"))
	if err != nil {
		return err
	}
	got, err := fleet.ShownBesides(samples)
	if err != nil {
		return err
	}
	want := make(fleet.Totals)
	want.Merge(t.sent)
	want.Merge(t.besides)
	want = want.Plotted(time.Now())
	if t.known != nil {
		maps.DeleteFunc(want, func(s fleet.Series, _ fleet.Total) bool {
			_, ok := t.known[s]
			return !ok
		})
	}
	if err := fleet.Holds(got, want); err != nil {
		return err
	}
	saved, err := t.samples(ctx, "saves_total")
	if err != nil {
		return err
	}
	for _, s := range saved {
		if s.Labels["sort_by"] == "date" && s.Labels["via"] == "web" && s.Value == float64(t.saves) {
			return nil
		}
	}
	return fmt.Errorf("saves are %v, want %d", saved, t.saves)
}

func (t *trial) samples(ctx context.Context, names string) ([]exposition.Sample, error) {
	values, err := t.prometheus.Query(ctx, `{__name__=~"`+names+`",job="otelusage"}`)
	if err != nil {
		return nil, err
	}
	samples := make([]exposition.Sample, len(values))
	for i, v := range values {
		samples[i] = exposition.Sample{Name: v.Labels["__name__"], Labels: v.Labels, Value: v.Value}
	}
	return samples, nil
}

// down says whether Prometheus refuses the scrape.
func (t *trial) down(ctx context.Context) string {
	values, err := t.prometheus.Query(ctx, `up{job="otelusage"} == 0`)
	if err != nil {
		return err.Error()
	}
	if len(values) > 0 {
		return "Prometheus refuses the scrape"
	}
	return ""
}

// shows reports whether a metric is there, with the value that may follow its name.
func shows(text []byte, wanted string) bool {
	name, value, _ := strings.Cut(wanted, " ")
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte(name+"{")) && (value == "" || bytes.HasSuffix(line, []byte(" "+value+"\n"))) {
			return true
		}
	}
	return false
}

func (t *trial) archiveSize() int64 {
	info, err := os.Stat(t.collector.Archive)
	if err != nil {
		return 0 // nothing was archived yet
	}
	return info.Size()
}
