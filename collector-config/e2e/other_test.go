package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/prometheus"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/receiver"
)

// other is a receiver other than the Collector.
type other struct {
	prometheus.API
	metrics string // where applications send
}

// built returns a receiver's program, or skips the test.
func built(t *testing.T, p receiver.Program) string {
	t.Helper()
	if os.Getenv("OTELUSAGE_RECEIVERS") != "1" {
		t.Skip("builds another receiver, which takes minutes: OTELUSAGE_RECEIVERS=1")
	}
	program, err := receiver.Build(t.Context(), p)
	must(t, err)
	return program
}

// startOther runs a program for the rest of the test, or until it is killed.
func startOther(t *testing.T, ready, program string, args ...string) (kill func()) {
	t.Helper()
	p, err := receiver.Start(t.Context(), ready, program, args...)
	must(t, err)
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("its log ends with\n%s", tail(p.Log()))
		}
	})
	return p.Kill
}

// startPrometheus3 starts Prometheus with the shipped file, in which texts are replaced.
func startPrometheus3(t *testing.T, data, feature string, replace ...string) (o other, kill func()) {
	t.Helper()
	program := built(t, receiver.Prometheus)
	address, err := receiver.FreeAddress()
	must(t, err)
	content, err := os.ReadFile("../receivers/prometheus.yml")
	must(t, err)
	text := string(content)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("receivers/prometheus.yml has no %q", replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	kill = startOther(t, "http://"+address+"/-/ready", program, "--config.file="+file, "--storage.tsdb.path="+data,
		"--storage.tsdb.retention.time=400d", "--web.listen-address="+address, "--web.enable-otlp-receiver", "--enable-feature="+feature)
	return other{API: prometheus.API("http://" + address), metrics: "http://" + address + "/api/v1/otlp/v1/metrics"}, kill
}

// The features of Prometheus that concern deltas.
const (
	native       = "otlp-native-delta-ingestion"
	toCumulative = "otlp-deltatocumulative"
	neither      = "memory-snapshot-on-shutdown" // of another kind
)

func startVictoriaMetrics(t *testing.T, flags ...string) other {
	t.Helper()
	program := built(t, receiver.VictoriaMetrics)
	address, err := receiver.FreeAddress()
	must(t, err)
	args := append([]string{"-httpListenAddr=" + address, "-storageDataPath=" + t.TempDir(), "-retentionPeriod=400d", "-search.latencyOffset=0"}, flags...)
	startOther(t, "http://"+address+"/health", program, args...)
	return other{API: prometheus.API("http://" + address), metrics: "http://" + address + "/opentelemetry/v1/metrics"}
}

// ours are the names that the metrics of the application have.
const ours = `{__name__=~"searches.*|items.*|distance.*|units[_.].+|session.+(sum|count)|export.*|otelusage[_.]active.*"}`

// added is what a receiver that stores deltas has of each series, over installations
// and versions. It names the metrics as mirrorTotals does.
func (o other) added(t *testing.T) (map[string]float64, error) {
	t.Helper()
	names, err := o.Names(t.Context(), ours)
	if err == nil && len(names) == 0 {
		err = errors.New("nothing is stored")
	}
	found := make(map[string]float64)
	for _, name := range names { // sum_over_time drops the name
		values, err := o.QueryAt(t.Context(), fmt.Sprintf(`sum by (via, state, checkpoint, period, date) (sum_over_time({__name__=%q}[400d]))`, name), time.Now().Add(time.Minute))
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			found[name+labelled(v.Labels)] += v.Value
		}
	}
	return found, err
}

func labelled(labels map[string]string) string {
	var pairs []string
	for _, name := range []string{"via", "state", "checkpoint", "period", "date"} {
		if labels[name] != "" {
			pairs = append(pairs, name+"="+labels[name])
		}
	}
	if len(pairs) == 0 {
		return ""
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// flush makes VictoriaMetrics show what it has accepted. Prometheus has no such page,
// and shows it at once.
func (o other) flush(t *testing.T) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, string(o.API)+"/internal/force_flush", nil)
	must(t, err)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	must(t, resp.Body.Close())
}
