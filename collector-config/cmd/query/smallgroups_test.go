package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// told is one request of the archive.
type told struct {
	installation, mirror, version string
	at                            time.Time // the end of its interval
	active                        []string  // date=...,period=...
	via, state                    string    // of a statistic and a State
	entered                       bool      // whether the State was entered
	n                             int
}

func attribute(key, value string) string {
	return fmt.Sprintf(`{"key":%q,"value":{"stringValue":%q}}`, key, value)
}

func (r told) line() string {
	end := strconv.FormatInt(r.at.UnixNano(), 10)
	point := func(n int, attributes ...string) string {
		attributes = append(attributes, fmt.Sprintf(`{"key":"otelusage.start","value":{"intValue":"1"}},{"key":"otelusage.end","value":{"intValue":"%s"}}`, end))
		return fmt.Sprintf(`{"attributes":[%s],"startTimeUnixNano":"1","timeUnixNano":"2","asInt":"%d"}`, strings.Join(attributes, ","), n)
	}
	metric := func(name string, monotonic bool, points ...string) string {
		return fmt.Sprintf(`{"name":%q,"sum":{"dataPoints":[%s],"aggregationTemporality":1,"isMonotonic":%v}}`, name, strings.Join(points, ","), monotonic)
	}
	scope := func(kind string, metrics ...string) string {
		return fmt.Sprintf(`{"scope":{"name":"github.com/anonymoususage/anonymoususage-go/otelusage","version":"1.0.0","attributes":[%s]},"metrics":[%s]}`,
			attribute("otelusage.kind", kind), strings.Join(metrics, ","))
	}
	statistics := []string{metric("saves", true, point(r.n, attribute("via", r.via)))}
	for _, beat := range r.active {
		date, period, _ := strings.Cut(beat, " ")
		statistics = append(statistics, metric("otelusage.active", true, point(1, attribute("date", date), attribute("period", period))))
	}
	scopes := []string{scope("statistic", statistics...)}
	if r.entered {
		scopes = append(scopes, scope("state", metric("theme.occupancy", false, point(1, attribute("state", r.state))),
			metric("theme.changes", true, point(1, attribute("state", r.state)))),
			scope("sequence", metric("trip.checkpoints", true, point(1, attribute("checkpoint", r.via)))))
	}
	resource := []string{attribute("service.name", "editor"), attribute("service.version", r.version), attribute("service.instance.id", r.mirror)}
	if r.installation != "" {
		resource = append(resource, attribute("app.installation.id", r.installation))
	}
	return fmt.Sprintf(`{"resourceMetrics":[{"resource":{"attributes":[%s]},"scopeMetrics":[%s]}]}`, strings.Join(resource, ","), strings.Join(scopes, ",")) + "\n"
}

// ada is the person whose values nobody else has.
var ada = []string{"/home/ada/thesis.md", "ada@example.com", "9.9.9-ada"}

// small is an archive of twelve installations that have everything in common, and of
// ada's, which sends each day for two months.
func small(t *testing.T, linkable bool) (glob string) {
	t.Helper()
	var lines strings.Builder
	batches := 0
	send := func(who int, day int, r told) {
		batches++
		r.at = time.Date(2026, 9, 1+day, 12, who, 0, 0, time.UTC)
		r.mirror = fmt.Sprint("batch-", batches)
		if linkable {
			r.mirror, r.installation = fmt.Sprint("mirror-", who), fmt.Sprint("id-", who)
		}
		r.active = append(r.active, r.at.Format(time.DateOnly)+" day")
		if r.at.Day() == 1 {
			r.active = append(r.active, r.at.Format(time.DateOnly)+" month")
		}
		r.entered = day == 0
		lines.WriteString(r.line())
		if day%7 == 0 { // again, after a lost answer
			lines.WriteString(r.line())
		}
	}
	for who := range 12 {
		for day := range 3 {
			send(who, day, told{version: "1.0.0", via: "menu", state: "dark", n: 5})
		}
	}
	for day := range 60 {
		send(100, day, told{version: ada[2], via: ada[0], state: ada[1], n: 1000})
	}
	send(101, 0, told{version: "1.0.0", via: "key", state: "dark", n: 3}) // also few, with what others have
	glob = filepath.Join(t.TempDir(), "usage.jsonl")
	if err := os.WriteFile(glob, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return glob
}

func askOf(t *testing.T, archive, question string, k uint) (text string, rows [][]string) {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), &out, archive, "../../sql/duckdb.sql", k, []string{"../../sql/" + question}); err != nil {
		t.Fatal(err)
	}
	text = out.String()
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return text, rows
}

// TestSmallGroupsAreOther: what ada's installation alone told is not shown, however
// often it told that; nor is the version that a value of few was told with. Without
// ids, each of her requests could be another installation's.
func TestSmallGroupsAreOther(t *testing.T) {
	for _, linkable := range []bool{true, false} {
		archive := small(t, linkable)
		for _, question := range []string{"totals.sql", "states.sql", "sequences.sql", "resends.sql", "applications.sql", "active.sql"} {
			text, rows := askOf(t, archive, question, 10)
			all, whole := askOf(t, archive, question, 1)
			for _, secret := range ada {
				if strings.Contains(text, secret) {
					t.Errorf("linkable %v: %s shows %q:\n%s", linkable, question, secret, text)
				}
			}
			if question != "active.sql" && !strings.Contains(all, "ada") {
				t.Errorf("linkable %v: with k = 1 %s shows\n%s", linkable, question, all)
			}
			for column, name := range rows[0] {
				switch name {
				case "total", "total_runs", "hits", "entries", "excess", "points", "installation_months":
				case "installations":
					if question != "states.sql" && question != "active.sql" {
						continue
					}
				default:
					continue
				}
				if got, want := sum(t, rows, column), sum(t, whole, column); got != want || want == 0 && name != "total_runs" {
					t.Errorf("linkable %v: the sum of %s in %s is %v, want %v", linkable, name, question, got, want)
				}
			}
		}
		text, _ := askOf(t, archive, "totals.sql", 10)
		for _, want := range []string{"editor,1.0.0,statistic,saves,via=menu,180,", "editor,other,statistic,saves,other,60003,", "editor,1.0.0,state,theme.occupancy,state=dark,13,"} {
			if !strings.Contains(text, want) {
				t.Errorf("linkable %v: no %q in\n%s", linkable, want, text)
			}
		}
		if more, _ := askOf(t, archive, "totals.sql", 14); strings.Contains(more, "via=menu") || strings.Contains(more, "1.0.0,") {
			t.Errorf("linkable %v: with k = 14 are shown\n%s", linkable, more)
		}
	}
}

func sum(t *testing.T, rows [][]string, column int) (sum float64) {
	t.Helper()
	for _, row := range rows[1:] {
		f, err := strconv.ParseFloat(row[column], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += f
	}
	return sum
}
