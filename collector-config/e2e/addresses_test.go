package e2e

import (
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
)

// TestTheCollectorKeepsNoAddress: neither of those who send, nor what a header says
// of one, is in the archive, in the log or in Prometheus.
func TestTheCollectorKeepsNoAddress(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a client cannot choose its loopback address here")
	}
	const client, forwarded, agent = "127.77.66.55", "198.51.100.77", "Agent-Of-Ada"
	p := start(t, addresses(t), []string{"../production.yaml"})
	r, err := fleet.Run(t.Context(), p.URL(), fleet.Config{Installations: 20, Seed: 3, Until: time.Now()})
	must(t, err)
	from := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}).DialContext}}
	for contentType, body := range map[string]string{"application/json": `{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"editor"}}]},"scopeMetrics":[{"scope":{"name":"github.com/anonymoususage/anonymoususage-go/otelusage"},"metrics":[{"name":"items","sum":{"aggregationTemporality":1,"dataPoints":[{"asInt":"1","startTimeUnixNano":"1","timeUnixNano":"2"}]}}]}]}]}`,
		"application/x-protobuf": "no protobuf", "text/plain": "what?"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL(), strings.NewReader(body))
		must(t, err)
		for name, value := range map[string]string{"Content-Type": contentType, "X-Forwarded-For": forwarded, "Forwarded": "for=" + forwarded, "User-Agent": agent} {
			req.Header.Set(name, value)
		}
		resp, err := from.Do(req)
		must(t, err)
		answer, err := io.ReadAll(resp.Body)
		must(t, err)
		must(t, resp.Body.Close())
		if accepted := resp.StatusCode == http.StatusOK; accepted != (contentType == "application/json") {
			t.Errorf("%s: %s %s", contentType, resp.Status, answer)
		}
	}
	shown, err := p.Scrape(t.Context())
	must(t, err)
	archive, err := os.ReadFile(p.Archive)
	must(t, err)
	if r.Requests == 0 || len(archive) == 0 {
		t.Error("nothing was received")
	}
	for where, text := range map[string]string{"the archive": string(archive), "Prometheus": string(shown), "the log": p.Log()} {
		for _, told := range []string{client, forwarded, agent} {
			if strings.Contains(text, told) {
				t.Errorf("%s has %s", where, told)
			}
		}
	}
}
