package exporter

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/faulty"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// TestMain runs the program that the tests below start as processes of their
// own.
func TestMain(m *testing.M) {
	if path := os.Getenv("OTELUSAGE_CHILD_MIRROR"); path != "" {
		program := children[os.Getenv("OTELUSAGE_CHILD")]
		if err := program(path, os.Getenv("OTELUSAGE_CHILD_URL"), os.Getenv("OTELUSAGE_CHILD_ID")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// children are the programs.
var children = map[string]func(path, url, id string) error{"count": countAndSubmit}

// command starts a program as a process of its own.
func command(t *testing.T, program, path, url, id string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0",
		"OTELUSAGE_CHILD="+program, "OTELUSAGE_CHILD_MIRROR="+path, "OTELUSAGE_CHILD_URL="+url, "OTELUSAGE_CHILD_ID="+id)
	return cmd
}

// counting are processes that run countAndSubmit together on one mirror.
type counting struct {
	t       *testing.T
	running []*exec.Cmd
	output  []bytes.Buffer
	failed  []error
	ended   chan struct{} // closed once all have ended; failed and output are read only then
}

// countTogether starts n processes, with ids from 0 on.
func countTogether(t *testing.T, n int, path, url string) *counting {
	t.Helper()
	c := &counting{t: t, output: make([]bytes.Buffer, n), failed: make([]error, n), ended: make(chan struct{})}
	for i := range n {
		cmd := command(t, "count", path, url, strconv.Itoa(i))
		cmd.Stdout, cmd.Stderr = &c.output[i], &c.output[i]
		must(t, cmd.Start())
		c.running = append(c.running, cmd)
	}
	go func() {
		defer close(c.ended)
		for i, cmd := range c.running {
			c.failed[i] = cmd.Wait()
		}
	}()
	return c
}

// wait waits until all have ended. None may have failed but the killed ones.
func (c *counting) wait(killed ...int) {
	c.t.Helper()
	<-c.ended
	for i, err := range c.failed {
		text := c.output[i].Bytes()
		if err != nil && !slices.Contains(killed, i) {
			c.t.Errorf("process %d: %v\n%s", i, err, text)
		} else if len(text) > 0 {
			c.t.Logf("process %d: %s", i, text)
		}
	}
}

const childAdds = 10_000

// countAndSubmit is an application that counts as fast as it can, records and submits
// meanwhile, and ends.
func countAndSubmit(path, url, id string) error {
	ctx := context.Background()
	store, err := localstore.Open(path, localstore.WithBusyTimeout(30*time.Second))
	if err != nil {
		return err
	}
	forwarder, err := otlp.New(ctx, otlp.WithEndpointURL(url))
	if err != nil {
		return err
	}
	exp, err := New(store, WithForwarder(forwarder), WithRecordInterval(20*time.Millisecond), WithSubmitInterval(time.Second), WithCheckInterval(50*time.Millisecond),
		WithRequestTimeout(time.Second), WithErrorHandler(func(err error) { fmt.Fprintln(os.Stderr, "reported:", err) }))
	if err != nil {
		return err
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(NewReader(exp)))
	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(store))
	if err != nil {
		return err
	}
	n, err := tracker.Statistic("n")
	if err != nil {
		return err
	}
	own := n.With(attribute.String("process", id))
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for i := range childAdds {
		n.Inc()
		own.Inc()
		if i%3 == 0 {
			<-ticker.C // so that recordings of all processes interleave
		}
	}
	if err := provider.Shutdown(ctx); err != nil {
		return err
	}
	return store.Close()
}

// TestEightProcesses count on one mirror and submit from it; one is killed.
func TestEightProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("runs processes")
	}
	receiver := faulty.Start()
	t.Cleanup(receiver.Close)
	path := filepath.Join(t.TempDir(), "usage.db")
	const processes = 8
	victim := rand.IntN(processes)
	together := countTogether(t, processes, path, receiver.URL)
	killed := time.AfterFunc(time.Duration(300+rand.IntN(2500))*time.Millisecond, func() { _ = together.running[victim].Process.Kill() })
	defer killed.Stop()
	together.wait(victim)

	// A later run, when the lease of a killed submitter has ended.
	later := newClock()
	later.t = time.Now().Add(time.Hour)
	forwarder, err := otlp.New(t.Context(), otlp.WithEndpointURL(receiver.URL))
	must(t, err)
	r := setup{path: path, clock: later, opts: []Option{WithForwarder(forwarder)}}.start(t)
	n := r.statistic("n")
	own := func(i int) int64 { return n.With(attribute.String("process", strconv.Itoa(i))).Value() }
	r.submit()
	kept := receiver.Whole()
	for i := range processes {
		got := own(i)
		if i == victim && got > childAdds || i != victim && got != childAdds {
			t.Errorf("process %d: the mirror holds %d of %d", i, got, childAdds)
		}
		if name := fmt.Sprintf("n{process=%d}", i); kept[name] != got {
			t.Errorf("%s: the receiver kept %d, the mirror holds %d", name, kept[name], got)
		}
	}
	// What the killed process counted in all is known from its last recording
	// alone, which read its two counts one after the other while it counted on.
	others := int64(processes-1) * childAdds
	if got := n.Value(); got < others || got > others+childAdds || kept["n"] != got {
		t.Errorf("the mirror holds %d, the receiver kept %d, want the same from %d on", got, kept["n"], others)
	}
	if receiver.Overlaps() > 0 {
		t.Errorf("%d requests arrived while the same batch was under way", receiver.Overlaps())
	}
	r.end()
	t.Logf("process %d was killed at %d; %d requests", victim, own(victim), len(receiver.Bodies()))
}
