package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/clickhouse"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/receiver"
)

// startClickHouse runs ClickHouse with the shipped views and tables, or skips the test.
func startClickHouse(t *testing.T, address, dir string) *clickhouse.Engine {
	t.Helper()
	if os.Getenv("OTELUSAGE_CLICKHOUSE") != "1" {
		t.Skip("installs ClickHouse, half a gigabyte, with npm: OTELUSAGE_CLICKHOUSE=1")
	}
	e, err := clickhouse.Start(t.Context(), address, dir)
	must(t, err)
	t.Cleanup(func() {
		e.Kill()
		if t.Failed() {
			t.Logf("its log ends with\n%s", tail(e.Log()))
		}
	})
	for _, statement := range []string{"CREATE DATABASE IF NOT EXISTS otelusage", "USE otelusage"} {
		_, err := e.Query(t.Context(), statement)
		must(t, err)
	}
	return e
}

// questions are the files that ask, without those that create what is asked.
func questions(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../sql/*.sql")
	must(t, err)
	var asking []string
	for _, file := range files {
		if name := filepath.Base(file); name != "duckdb.sql" && name != "clickhouse.sql" {
			asking = append(asking, name)
		}
	}
	if len(asking) < 9 {
		t.Fatalf("%q", asking)
	}
	return asking
}

// agree compares answers, in which floats may differ in their last digits.
func agree(t *testing.T, question string, got, want [][]string) {
	t.Helper()
	single := strings.HasPrefix(question, "installations.sql") || strings.HasPrefix(question, "trackables.sql")
	if hidden := single && strings.HasSuffix(question, "k = 40"); hidden != (len(want) < 2) {
		t.Errorf("%s is answered with %d rows", question, len(want))
	}
	if !slices.EqualFunc(got, want, func(a, b []string) bool { return slices.EqualFunc(a, b, sameCell) }) {
		t.Errorf("ClickHouse answers %s with %d rows\n%.1500v\nwant %d\n%.1500v", question, len(got), got, len(want), want)
	}
}

func sameCell(a, b string) bool {
	var x, y float64
	if a == b {
		return true
	}
	if _, err := fmt.Sscan(a, &x); err != nil {
		return false
	}
	_, err := fmt.Sscan(b, &y)
	return err == nil && x-y <= 1e-9*max(x, -x) && y-x <= 1e-9*max(x, -x)
}

// TestClickHouseHoldsTheArchive: the Collector's own exporter fills the shipped tables,
// and every question has the answer that the same requests have as files, asked with
// ClickHouse and with DuckDB, also where the values of small groups are hidden.
func TestClickHouseHoldsTheArchive(t *testing.T) {
	collector(t)
	address, err := receiver.FreeAddress()
	must(t, err)
	e := startClickHouse(t, address, t.TempDir())
	at := addresses(t)
	run := func(file string, replace ...string) (rows [][]string) {
		t.Helper()
		rows, err := e.Run(t.Context(), file, replace...)
		must(t, err)
		return rows
	}
	run("../clickhouse/tables.sql")
	p := start(t, at, []string{"../gateway.yaml", "../clickhouse/gateway.yaml", "yaml:service::pipelines::metrics/in::exporters: [file, clickhouse]"},
		"OTELUSAGE_CLICKHOUSE=http://"+address+"?compress=none")
	r, err := fleet.Run(t.Context(), p.URL(), fleet.Config{Installations: 200, Seed: 11, Until: time.Now(), Resend: 0.1, Hostile: 0.05, Senders: 200})
	must(t, err)
	if status := post(t, p.URL(), "otelusage.erased", "ada"); status != http.StatusOK {
		t.Fatalf("a request for deletion is answered with %d", status)
	}
	if status := post(t, p.URL(), "otelusage.erased", "ada"); status != http.StatusOK {
		t.Fatalf("a request for deletion is answered with %d", status)
	}
	type asked struct{ k, question string }
	answers := make(map[asked][][]string)
	for _, of := range []string{"../clickhouse/tables.sql", "../sql/clickhouse.sql"} {
		if strings.Contains(of, "sql/clickhouse") {
			run(of, "archive/usage*.jsonl", at.Archives())
		}
		for _, k := range []string{"1", "40"} {
			run("../clickhouse/views.sql", "SELECT 10 AS k", "SELECT "+k+" AS k")
			for _, question := range questions(t) {
				rows := run("../sql/" + question)
				if before, ok := answers[asked{k, question}]; ok {
					agree(t, question+" of files with k = "+k, rows, before)
				}
				answers[asked{k, question}] = rows
			}
		}
	}
	for _, question := range []string{"totals.sql", "states.sql", "applications.sql", "resends.sql"} {
		rows, err := otelcol.Ask(t.Context(), "..", at.Archive, question)
		must(t, err)
		agree(t, question, answers[asked{"1", question}], rows)
	}
	got, err := fleet.Archived(answers[asked{"1", "totals.sql"}])
	must(t, err)
	delete(got, fleet.Series{Application: "editor", Metric: "otelusage.erased"})
	must(t, fleet.Compare(got, r.Sent.WithoutBuckets()))
	for _, k := range []string{"1", "40"} {
		rows := answers[asked{k, "applications.sql"}]
		if hidden := slices.ContainsFunc(rows, func(row []string) bool { return slices.Contains(row, "other") }); hidden != (k == "40") {
			t.Errorf("with k = %s applications.sql answers %v", k, rows)
		}
	}
}

// post sends one point of 1 of somebody's mirror, and returns the status of the answer,
// or 0 where there is none in the time that an application waits.
func post(t *testing.T, url, metric, mirror string) int {
	t.Helper()
	body := fmt.Sprintf(`{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"editor"}},{"key":"service.instance.id","value":{"stringValue":%q}}]},"scopeMetrics":[{"scope":{"name":"github.com/anonymoususage/anonymoususage-go/otelusage","attributes":[{"key":"otelusage.kind","value":{"stringValue":"statistic"}}]},"metrics":[{"name":%q,"sum":{"aggregationTemporality":1,"dataPoints":[{"asInt":"1","startTimeUnixNano":"1","timeUnixNano":"2"}]}}]}]}]}`, mirror, metric)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Timeout: 12 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Logf("%s is not answered: %v", url, err)
		return 0
	}
	must(t, resp.Body.Close())
	return resp.StatusCode
}

// TestClickHouseLosesNothing: while ClickHouse is down the answer is 503, and what was
// answered with 200 is there after it was killed.
func TestClickHouseLosesNothing(t *testing.T) {
	collector(t)
	address, err := receiver.FreeAddress()
	must(t, err)
	dir := t.TempDir()
	e := startClickHouse(t, address, dir)
	for _, file := range []string{"../clickhouse/tables.sql", "../clickhouse/views.sql"} {
		_, err = e.Run(t.Context(), file)
		must(t, err)
	}
	p := start(t, addresses(t), []string{"../gateway.yaml", "../clickhouse/gateway.yaml"}, "OTELUSAGE_CLICKHOUSE=http://"+address+"?compress=none")
	first, err := fleet.Run(t.Context(), p.URL(), fleet.Config{Installations: 20, Seed: 12, Until: time.Now(), Senders: 20})
	must(t, err)
	e.Kill()
	if status := post(t, p.URL(), "items", "bob"); status != http.StatusServiceUnavailable {
		t.Errorf("without ClickHouse the answer is %d", status)
	}
	e = startClickHouse(t, address, dir)
	second, err := fleet.Run(t.Context(), p.URL(), fleet.Config{Installations: 20, Seed: 13, Until: time.Now(), Senders: 20})
	must(t, err)
	first.Sent.Merge(second.Sent)
	rows, err := e.Run(t.Context(), "../sql/totals.sql", "shown", "usage")
	must(t, err)
	got, err := fleet.Archived(rows)
	must(t, err)
	must(t, fleet.Compare(got, first.Sent.WithoutBuckets()))
}

// TestClickHouseErases: what an erased installation sent is deleted, its request stays.
func TestClickHouseErases(t *testing.T) {
	address, err := receiver.FreeAddress()
	must(t, err)
	e := startClickHouse(t, address, t.TempDir())
	_, err = e.Run(t.Context(), "../clickhouse/tables.sql")
	must(t, err)
	for _, row := range []string{"'ada', 'saves'", "'ada', 'otelusage.erased'", "'bob', 'saves'"} {
		_, err := e.Query(t.Context(), fmt.Sprintf("INSERT INTO arrived (mirror, metric, received) VALUES (%s, toUnixTimestamp64Nano(now64(9)))", row))
		must(t, err)
	}
	_, err = e.Run(t.Context(), "../clickhouse/erase.sql")
	must(t, err)
	rows, err := e.Query(t.Context(), "SELECT mirror, metric FROM arrived ORDER BY mirror")
	must(t, err)
	if got := fmt.Sprint(rows[1:]); got != "[[ada otelusage.erased] [bob saves]]" {
		t.Errorf("left are %s", got)
	}
}
