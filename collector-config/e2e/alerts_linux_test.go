package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/prometheus"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// post sends one point of a Monotonic Statistic and returns the status.
func postOne(t *testing.T, url, name string) int {
	t.Helper()
	now := time.Now().UnixNano()
	body := fmt.Sprintf(`{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"editor"}}]},
		"scopeMetrics":[{"scope":{"name":%q,"version":%q,"attributes":[{"key":%q,"value":{"stringValue":"statistic"}}]},
		"metrics":[{"name":%q,"sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[
		{"asInt":"1","startTimeUnixNano":"%d","timeUnixNano":"%d"}]}}]}]}]}`,
		otelusage.ScopeName, otelusage.Version, otelusage.KindKey, name, now-1e9, now)
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	must(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	must(t, err)
	must(t, resp.Body.Close())
	return resp.StatusCode
}

// TestAlertsFireAtCollectors whose disk is full, whose memory is, whose series are too
// many, and which are killed. Each metric that a rule asks for is one that they have.
// The times are shorter than in the file.
func TestAlertsFireAtCollectors(t *testing.T) {
	program := collector(t)
	if _, err := exec.LookPath(prometheus.Program); err != nil {
		t.Skip("needs Prometheus: apt-get install prometheus")
	}
	launch := func(archive string, config ...string) *otelcol.Process {
		at := addresses(t)
		read := "OTELUSAGE_ARCHIVES=" + at.Archives() // never the device itself, which has no end
		if archive != "" {
			at.Archive = archive
		}
		p, err := otelcol.Start(t.Context(), program, at, append([]string{"../production.yaml"}, config...), read)
		must(t, err)
		t.Cleanup(func() { _ = p.Kill() }) // or it is dead
		return p
	}
	noDisk := launch("/dev/full")
	noMemory := launch("", "yaml:processors::memory_limiter::limit_mib: 6", "yaml:processors::memory_limiter::spike_limit_mib: 5")
	fewSeries := launch("", "yaml:processors::delta_to_cumulative::max_streams: 4")
	server, err := prometheus.Start(t.Context(), "../prometheus.yml", t.TempDir(), map[string]string{
		"'localhost:8888'": "'" + strings.Join([]string{noDisk.Telemetry, noMemory.Telemetry, fewSeries.Telemetry}, "', '") + "'",
		"localhost:8889":   fewSeries.Prometheus,
		"interval: 15s":    "interval: 1s", "[5m]": "[10s]", "for: 5m": "for: 1s", "for: 10m": "for: 1s",
	})
	must(t, err)
	t.Cleanup(server.Stop)

	statuses := make(map[*otelcol.Process]int)
	fires := func(want ...string) {
		t.Helper()
		eventually(t, func() error {
			for i, p := range []*otelcol.Process{noDisk, noMemory, fewSeries} {
				if p != fewSeries || len(want) > 1 { // it still runs
					statuses[p] = postOne(t, p.URL(), fmt.Sprintf("saves%d", time.Now().UnixNano()%4+int64(i)*10))
				}
			}
			values, err := server.Query(t.Context(), `ALERTS{alertstate="firing"}`)
			if err != nil {
				return err
			}
			var firing []string
			for _, v := range values {
				firing = append(firing, v.Labels["alertname"]+" "+v.Labels["instance"])
			}
			for _, alert := range want {
				if !strings.Contains(strings.Join(firing, ";")+";", alert+";") {
					return fmt.Errorf("%q fire, %s does not", firing, alert)
				}
			}
			return nil
		})
	}
	fires("UsageNotArchived "+noDisk.Telemetry, "UsageRefused "+noMemory.Telemetry, "UsageSeriesLimit "+fewSeries.Telemetry)
	if statuses[noDisk] != http.StatusServiceUnavailable || statuses[noMemory] != http.StatusServiceUnavailable || statuses[fewSeries] != http.StatusOK {
		t.Errorf("they answer %v", statuses)
	}

	rules, err := os.ReadFile("../" + prometheus.Rules)
	must(t, err)
	selectors := regexp.MustCompile(`\botelcol_\w+({[^}]*})?`).FindAllString(string(rules), -1)
	if len(selectors) < 10 {
		t.Errorf("the rules ask for %q", selectors)
	}
	for _, selector := range selectors {
		if values, err := server.Query(t.Context(), selector); err != nil || len(values) == 0 {
			t.Errorf("no Collector has %s: %v", selector, err)
		}
	}

	must(t, fewSeries.Kill())
	fires("UsageCollectorUnreachable " + fewSeries.Telemetry)
}
