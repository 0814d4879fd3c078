package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/archive"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
)

// small makes files so small that they are rotated often, and does not wait long
// for the last request of a file.
const small = `
receivers: {otlp_json_file: {poll_interval: 200ms, force_flush_period: 500ms}}
exporters: {file: {rotation: {max_megabytes: 1}}}
`

// site is two gateways and an aggregator, with a disk of their own if this
// system allows to make one.
type site struct {
	t        *testing.T
	random   *rand.Rand
	disk     string
	overlays map[string]string // what is added to a configuration
	isSmall  bool              // the disk can be filled
	named    int               // archives so far
	sums     archive.Checkpoints
	reads    reads // of the aggregator that runs

	mu         sync.Mutex
	gateways   []*otelcol.Process
	aggregator *otelcol.Process

	happened map[string]int
}

func newSite(t *testing.T, seed uint64) *site {
	t.Helper()
	s := &site{t: t, random: rand.New(rand.NewPCG(seed, 15)), disk: t.TempDir(), overlays: make(map[string]string), happened: make(map[string]int)}
	if err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", s.disk).Run(); err == nil {
		s.isSmall = true
		t.Cleanup(func() { must(t, exec.Command("umount", s.disk).Run()) }) // not t.Context(), which is done
	}
	for name, part := range map[string]string{"gateway": "exporters", "aggregator": "receivers"} {
		var lines []string
		for line := range strings.Lines(small) {
			if strings.HasPrefix(line, part) {
				lines = append(lines, line)
			}
		}
		s.overlays[name] = filepath.Join(t.TempDir(), name+".yaml")
		must(t, os.WriteFile(s.overlays[name], []byte(strings.Join(lines, "")), 0o600))
	}
	t.Cleanup(s.end)
	s.sums = archive.Checkpoints{Dir: t.TempDir(), Archives: s.archives(), Window: time.Hour}
	s.gateways = []*otelcol.Process{s.newGateway(), s.newGateway()}
	s.restart()
	return s
}

// end kills what runs.
func (s *site) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range append(s.gateways, s.aggregator) {
		if p == nil {
			continue
		}
		if s.t.Failed() {
			s.t.Logf("a log ends with\n%s", tail(p.Log()))
		}
		must(s.t, p.Kill())
	}
}

func (s *site) archives() string { return filepath.Join(s.disk, "usage*.jsonl") }

func (s *site) run(at otelcol.Addresses, configs []string, env ...string) *otelcol.Process {
	s.t.Helper()
	p, err := otelcol.Start(s.t.Context(), collector(s.t), at, configs, env...)
	must(s.t, err)
	return p
}

func (s *site) runGateway(at otelcol.Addresses) *otelcol.Process {
	s.t.Helper()
	return s.run(at, []string{"../gateway.yaml", s.overlays["gateway"]})
}

// newGateway starts one with an archive and addresses of its own.
func (s *site) newGateway() *otelcol.Process {
	s.t.Helper()
	s.named++
	at, err := otelcol.FreeAddresses(filepath.Join(s.disk, fmt.Sprintf("usage-%d.jsonl", s.named)))
	must(s.t, err)
	return s.runGateway(at)
}

// restart kills the aggregator and starts one that knows nothing. It reads the
// archives, with checkpoints the sums of those that have one instead.
func (s *site) restart(with ...string) {
	s.t.Helper()
	if s.aggregator != nil {
		must(s.t, s.aggregator.Kill())
	}
	at, err := otelcol.FreeAddresses("")
	must(s.t, err)
	s.reads = reads{}
	for _, config := range with {
		s.reads = readsOf(s.t, config)
	}
	s.aggregator = s.run(at, append([]string{"../aggregator.yaml", s.overlays["aggregator"]}, with...), "OTELUSAGE_ARCHIVES="+s.archives())
}

// checkpoint makes the checkpoints, and returns the configuration with them.
func (s *site) checkpoint() (config string) {
	s.t.Helper()
	must(s.t, s.sums.Update(s.t.Context(), func(archive.Made) {}))
	config = filepath.Join(s.sums.Dir, "config.yaml")
	must(s.t, s.sums.Configure(config))
	return config
}

// elsewhere is the address of any gateway.
func (s *site) elsewhere() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gateways[rand.IntN(len(s.gateways))].URL()
}

// disturb does one of the things that happen to machines.
func (s *site) disturb() {
	s.t.Helper()
	i := s.random.IntN(len(s.gateways))
	events := []string{"restart", "cut", "replace", "aggregator", "checkpoints", "checkpoints killed", "full"}
	switch event := events[s.random.IntN(len(events))]; event {
	case "restart", "cut", "replace":
		old := s.gateways[i]
		must(s.t, old.Kill())
		var p *otelcol.Process
		switch event {
		case "cut":
			s.cut(old.Archive)
			fallthrough
		case "restart":
			p = s.runGateway(old.Addresses)
		case "replace":
			p = s.newGateway()
		}
		s.mu.Lock()
		s.gateways[i] = p
		s.mu.Unlock()
		s.happened[event]++
	case "aggregator":
		s.restart()
		s.happened[event]++
	case "checkpoints":
		s.restart(s.checkpoint())
		s.happened[event]++
	case "checkpoints killed":
		s.kill(time.Duration(s.random.IntN(200)) * time.Millisecond)
		s.happened[event]++
	case "full":
		if s.isSmall {
			s.fill(time.Duration(100+s.random.IntN(400)) * time.Millisecond)
			s.happened[event]++
		}
	}
}

// cut leaves a part of a request at the end of an archive, as a kill within a
// write does.
func (s *site) cut(file string) {
	s.t.Helper()
	content, err := os.ReadFile(file)
	if err != nil || len(content) == 0 {
		return // nothing was archived yet
	}
	line, _, _ := strings.Cut(string(content), "\n")
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	must(s.t, err)
	at := s.random.IntN(len(line) + 1)
	if at == len(begins) {
		at++
	}
	_, err = f.WriteString(line[:at])
	must(s.t, err)
	must(s.t, f.Close())
}

// fill leaves no room on the disk for a while.
func (s *site) fill(d time.Duration) {
	s.t.Helper()
	file := filepath.Join(s.disk, "filler")
	f, err := os.Create(file)
	must(s.t, err)
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	select { // until requests were refused for it
	case <-time.After(d):
	case <-s.t.Context().Done():
	}
	must(s.t, f.Close())
	must(s.t, os.Remove(file))
}

// archived adds up the archives, each request once or as often as it is there.
func (s *site) archived(once bool) (fleet.Totals, *archive.Sums) {
	s.t.Helper()
	files, err := filepath.Glob(s.archives())
	must(s.t, err)
	sums, err := archive.Read(once, files...)
	must(s.t, err)
	return totals(sums), sums
}

// read adds up what the aggregator that runs has to read.
func (s *site) read() fleet.Totals {
	s.t.Helper()
	files, err := filepath.Glob(s.archives())
	must(s.t, err)
	files = slices.DeleteFunc(files, func(file string) bool { return slices.Contains(s.reads.Exclude, file) })
	if len(s.reads.Include) > 1 {
		files = append(files, s.reads.Include[1:]...) // the first are the archives
	}
	sums, err := archive.Read(false, files...)
	must(s.t, err)
	return totals(sums)
}

// fillAll makes the files that are written into ones that are full, as if they
// had been rotated. Nothing runs that would write into them.
func (s *site) fillAll() {
	s.t.Helper()
	for _, p := range s.gateways {
		must(s.t, p.Kill())
	}
	for i := range s.named {
		file := filepath.Join(s.disk, fmt.Sprintf("usage-%d.jsonl", i+1))
		err := os.Rename(file, strings.TrimSuffix(file, ".jsonl")+time.Now().UTC().Format("-2006-01-02T15-04-05.000")+"-size.jsonl")
		if !os.IsNotExist(err) { // nothing was sent to it
			must(s.t, err)
		}
	}
}

// totals are sums in the form that the simulation has.
func totals(sums *archive.Sums) fleet.Totals {
	all := make(fleet.Totals)
	for _, one := range sums.Totals() {
		var pairs []string
		for _, key := range slices.Sorted(maps.Keys(one.Attributes)) {
			pairs = append(pairs, key+"="+one.Attributes[key])
		}
		t := fleet.Total{Sum: one.Sum, Count: one.Count}
		for i, n := range one.Buckets {
			t.Buckets[i] = int64(n)
		}
		all.Merge(fleet.Totals{{Application: one.Application, Version: one.Version, Metric: one.Metric, Attributes: strings.Join(pairs, ",")}: t})
	}
	return all
}

// simulate sends what a fleet sends while so many things happen.
func (s *site) simulate(installations, events int) *fleet.Result {
	s.t.Helper()
	c := fleet.Config{Installations: installations, Seed: s.random.Uint64(), Until: time.Now(), Resend: 0.05,
		Senders: 4, Timeout: 5 * time.Second, Elsewhere: s.elsewhere}
	var r *fleet.Result
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		r, err = fleet.Run(s.t.Context(), s.elsewhere(), c)
	}()
	for {
		select {
		case <-done:
			must(s.t, err)
			return r
		case <-time.After(time.Duration(s.random.IntN(300)) * time.Millisecond):
			if events > 0 {
				s.disturb()
				events--
			}
		}
	}
}

// agrees waits until the aggregator shows what the archives say, and returns the
// number of its series.
func (s *site) agrees(want fleet.Totals) (series int) {
	s.t.Helper()
	want = want.Plotted(time.Now())
	eventually(s.t, func() error {
		text, err := s.aggregator.Scrape(s.t.Context())
		if err != nil {
			return err
		}
		got, err := fleet.Shown(text)
		series = len(got)
		if err == nil {
			err = fleet.Compare(got, want)
		}
		return err
	})
	return series
}
