package e2e

import (
	"errors"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/receiver"
)

// broker is the stand-in of cmd/broker.
type broker struct {
	program, address, dir string
	kill                  func()
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	collector(t)
	b := &broker{program: filepath.Join(t.TempDir(), "broker"), dir: t.TempDir()}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-C", filepath.Join("..", "cmd", "broker"), "-o", b.program, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b.address, err = receiver.FreeAddress()
	must(t, err)
	b.start(t)
	return b
}

// start runs it with what it held before.
func (b *broker) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command(b.program, "-listen", b.address, "-dir", b.dir)
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed
		close(ended)
	}()
	b.kill = func() {
		_ = cmd.Process.Kill() // or it has exited
		<-ended
	}
	t.Cleanup(b.kill)
	eventually(t, func() error {
		var dialer net.Dialer
		conn, err := dialer.DialContext(t.Context(), "tcp", b.address)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// run starts a Collector with a configuration and its overlay that is to be killed.
func (b *broker) run(t *testing.T, at otelcol.Addresses, configs ...string) *otelcol.Process {
	t.Helper()
	p, err := otelcol.Start(t.Context(), collector(t), at, configs, "OTELUSAGE_KAFKA=["+b.address+"]")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of %v ends with\n%s", configs, tail(p.Log()))
		}
		must(t, p.Kill())
	})
	return p
}

// TestKafkaBetweenGatewaysAndAggregator: two gateways, one after the other because the
// first is killed, a topic, an aggregator that reads it and archivers that write what
// another aggregator reads. All of them are killed while requests arrive, also Kafka.
// What both show is what was sent, and so is the archive.
func TestKafkaBetweenGatewaysAndAggregator(t *testing.T) {
	b := newBroker(t)
	archive := filepath.Join(t.TempDir(), "usage.jsonl")
	places := func() otelcol.Addresses {
		at, err := otelcol.FreeAddresses(archive)
		must(t, err)
		return at
	}
	var (
		gateway    = func() *otelcol.Process { return b.run(t, places(), "../gateway.yaml", "../kafka/gateway.yaml") }
		archiver   = func() *otelcol.Process { return b.run(t, places(), "../gateway.yaml", "../kafka/archiver.yaml") }
		aggregator = func() *otelcol.Process { return b.run(t, places(), "../aggregator.yaml", "../kafka/aggregator.yaml") }
		sent       = make(fleet.Totals)
		seed       = uint64(20)
	)
	send := func(to *otelcol.Process) {
		t.Helper()
		seed++
		r, err := fleet.Run(t.Context(), to.URL(), fleet.Config{Installations: 150, Seed: seed, Until: time.Now(), Hostile: 0.05})
		must(t, err)
		t.Logf("%d requests in %v", r.Requests, r.Took)
		sent.Merge(r.Sent)
	}
	in, write, sum := gateway(), archiver(), aggregator()
	send(in)
	shows(t, sum, sent.Plotted(time.Now()))

	must(t, errors.Join(sum.Kill(), in.Kill(), write.Kill()))
	in = gateway()
	send(in) // nobody reads meanwhile
	sum, write = aggregator(), archiver()
	shows(t, sum, sent.Plotted(time.Now()))

	b.kill()
	switch status := post(t, in.URL(), "items", "bob"); status {
	case http.StatusServiceUnavailable:
	case 0: // the gateway holds it, and sends it when it can
		sent.Merge(fleet.Totals{{Application: "editor", Metric: "items"}: {Sum: 1}})
	default:
		t.Errorf("without Kafka a gateway answers %d", status)
	}
	b.start(t)
	send(in)
	shows(t, sum, sent.Plotted(time.Now()))

	shows(t, b.run(t, places(), "../aggregator.yaml"), sent.Plotted(time.Now()))
	archives(t, archive, sent)
	must(t, write.Stop())
}

// TestKafkaContinuesAGroup is why each start of an aggregator is a group of its own: one
// that Kafka knows continues where it was, and has lost the sums before.
func TestKafkaContinuesAGroup(t *testing.T) {
	b := newBroker(t)
	same := []string{"../aggregator.yaml", "../kafka/aggregator.yaml", "yaml:receivers::kafka::group_id: otelusage-totals",
		"yaml:receivers::kafka::session_timeout: 6s", "yaml:receivers::kafka::heartbeat_interval: 1s"}
	in, sum := b.run(t, addresses(t), "../gateway.yaml", "../kafka/gateway.yaml"), b.run(t, addresses(t), same...)
	r, err := fleet.Run(t.Context(), in.URL(), fleet.Config{Installations: 20, Seed: 1, Until: time.Now()})
	must(t, err)
	shows(t, sum, r.Sent.Plotted(time.Now()))
	must(t, sum.Kill())
	sum = b.run(t, addresses(t), same...)
	r, err = fleet.Run(t.Context(), in.URL(), fleet.Config{Installations: 20, Seed: 2, Until: time.Now()})
	must(t, err)
	shows(t, sum, r.Sent.Plotted(time.Now()))
}
