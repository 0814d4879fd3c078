package archive

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// archived is a request as the file exporter writes it: a statistic, a timer and
// the gauge of a state.
func archived(mirror string, interval, value int) string {
	point := fmt.Sprintf(`"attributes":[{"key":"via","value":{"stringValue":"web"}},{"key":"otelusage.start","value":{"intValue":"%d"}},{"key":"otelusage.end","value":{"intValue":"%d"}}],"startTimeUnixNano":"1","timeUnixNano":"2"`, interval, interval+1)
	return begins + fmt.Sprintf(`{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"editor"}},{"key":"service.version","value":{"stringValue":"1.0.0"}},`+
		`{"key":"service.instance.id","value":{"stringValue":"%s"}},{"key":"otelusage.received","value":{"intValue":"%d"}}]},"scopeMetrics":[`+
		`{"scope":{"name":"usage","version":"1","attributes":[{"key":"otelusage.kind","value":{"stringValue":"statistic"}}]},"metrics":[`+
		`{"name":"searches","description":"Searches <made>.","sum":{"dataPoints":[{%s,"asInt":"%d"}],"aggregationTemporality":1,"isMonotonic":true}},`+
		`{"name":"distance","unit":"m","sum":{"dataPoints":[{%s,"asDouble":%d.5}],"aggregationTemporality":1}},`+
		`{"name":"units","gauge":{"dataPoints":[{%s,"asInt":"1"}]}}]},`+
		`{"scope":{"name":"usage","version":"1","attributes":[{"key":"otelusage.kind","value":{"stringValue":"timer"}}]},"metrics":[`+
		`{"name":"session","unit":"s","histogram":{"dataPoints":[{%s,"count":"3","sum":%d,"bucketCounts":["1","2"],"explicitBounds":[1]}],"aggregationTemporality":1}}]}]}]}`,
		mirror, time.Now().UnixNano(), point, value, point, value, point, point, value)
}

// desk is a directory with archives and checkpoints.
type desk struct {
	*testing.T
	Checkpoints
}

func newDesk(t *testing.T) desk {
	t.Helper()
	dir := t.TempDir()
	d := desk{t, Checkpoints{Dir: filepath.Join(dir, "checkpoints"), Archives: filepath.Join(dir, "archive", "usage*.jsonl"), Window: 24 * time.Hour}}
	d.check(os.Mkdir(filepath.Join(dir, "archive"), 0o700))
	return d
}

func (d desk) check(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d desk) file(name string) string { return filepath.Join(filepath.Dir(d.Archives), name) }

func (d desk) write(name string, lines ...string) {
	d.Helper()
	d.check(os.WriteFile(d.file(name), []byte(strings.Join(lines, "")), 0o600))
}

// update returns which files were added up.
func (d desk) update() []string {
	d.Helper()
	var made []string
	d.check(d.Update(d.Context(), func(m Made) { made = append(made, filepath.Base(m.File)) }))
	return made
}

// covered returns the total of searches in all checkpoints.
func (d desk) covered() float64 {
	d.Helper()
	files, err := filepath.Glob(filepath.Join(d.Dir, "usage*.jsonl"))
	d.check(err)
	return d.searches(files...)
}

func (d desk) searches(files ...string) float64 {
	d.Helper()
	sums, err := Read(false, files...)
	d.check(err)
	total := 0.0
	for _, one := range sums.Totals() {
		if one.Metric == "searches" {
			total += one.Sum
		}
	}
	return total
}

const (
	first  = "usage-2026-01-01T00-00-00.000-size.jsonl"
	second = "usage-2026-01-01T12-00-00.000-size.jsonl"
	third  = "usage-2026-01-03T00-00-00.000-size.jsonl"
	live   = "usage.jsonl"
)

func TestCheckpointsCountEachPointOnce(t *testing.T) {
	d := newDesk(t)
	a, b, c := archived("a", 1, 1)+"\n", archived("b", 1, 10)+"\n", archived("a", 2, 100)+"\n"
	d.write(first, a, a, b)
	d.write(second, b[:50], a, c) // a resend behind a request that was cut
	d.write(live, c)
	if made := d.update(); !slices.Equal(made, []string{first, second}) {
		t.Errorf("added up %v", made)
	}
	if got := d.covered(); got != 111 {
		t.Errorf("the checkpoints have %v searches, want 111", got)
	}
	if made := d.update(); made != nil {
		t.Errorf("added up again: %v", made)
	}
	// Beyond the window nothing is known any more, and the keys are deleted.
	d.write(third, a)
	d.update()
	if got := d.covered(); got != 112 {
		t.Errorf("after the window the checkpoints have %v searches, want 112", got)
	}
	left, err := filepath.Glob(filepath.Join(d.Dir, "*.keys"))
	d.check(err)
	if len(left) != 1 {
		t.Errorf("the keys %v are kept", left)
	}
	// The sums stay when archives are deleted.
	d.check(os.Remove(d.file(first)))
	d.update()
	if got := d.covered(); got != 112 {
		t.Errorf("after a deletion the checkpoints have %v searches, want 112", got)
	}
}

// What is written reads as what was added up, and two files never begin alike.
func TestSumsAreAnArchive(t *testing.T) {
	d := newDesk(t)
	d.write(first, archived("a", 1, 1), archived("a", 2, 2))
	sums, err := Read(true, d.file(first))
	d.check(err)
	var one, other bytes.Buffer
	d.check(sums.write(&one, "one"))
	d.check(sums.write(&other, "other"))
	again := new(Sums)
	d.check(again.readFrom(bytes.NewReader(other.Bytes()), nil))
	if got, want := lines(again), lines(sums); !maps.Equal(got, want) {
		t.Errorf("read back %v, want %v", got, want)
	}
	if one.String()[:120] == other.String()[:120] || strings.Contains(one.String(), `"a"`) {
		t.Errorf("the sums are %s", one.String())
	}
	want := map[string]bool{"searches map[via:web] 3 0 []": true, "distance map[via:web] 4 0 []": true, "session map[via:web] 3 6 [2 4]": true}
	if got := lines(sums); !maps.Equal(got, want) {
		t.Errorf("the sums are %v, want %v", got, want)
	}
}

func lines(s *Sums) map[string]bool {
	found := make(map[string]bool)
	for _, one := range s.Totals() {
		found[fmt.Sprint(one.Metric, " ", one.Attributes, " ", one.Sum, " ", one.Count, " ", one.Buckets)] = true
	}
	return found
}

// A run that is ended leaves nothing that counts twice or is taken for complete.
func TestCheckpointsSurviveTheirEnd(t *testing.T) {
	d := newDesk(t)
	d.write(first, archived("a", 1, 1))
	d.write(second, archived("a", 1, 1), archived("b", 1, 10))
	d.update()
	d.check(os.Remove(d.sumsOf(first))) // the keys are written before the sums
	d.check(os.WriteFile(filepath.Join(d.Dir, "writing-1"), []byte(begins), 0o600))
	if made := d.update(); !slices.Equal(made, []string{first}) {
		t.Errorf("added up %v", made)
	}
	if got := d.covered(); got != 11 {
		t.Errorf("the checkpoints have %v searches, want 11", got)
	}
	d.write(third, archived("c", 1, 100))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Update(ctx, func(Made) { t.Error("a file was added up") }); !errors.Is(err, context.Canceled) {
		t.Errorf("Update = %v", err)
	}
}

func TestFilesOfOneNameAreRefused(t *testing.T) {
	d := newDesk(t)
	for _, gateway := range []string{"north", "south"} {
		d.check(os.Mkdir(d.file(gateway), 0o700))
		d.write(filepath.Join(gateway, first), archived(gateway, 1, 1))
	}
	d.Archives = d.file(filepath.Join("*", "usage*.jsonl"))
	if err := d.Update(t.Context(), func(Made) {}); err == nil || !strings.Contains(err.Error(), "have one name") {
		t.Errorf("Update = %v", err)
	}
}

// A file that was compressed before it has a checkpoint is added up as it was.
func TestCheckpointsOfCompressedFiles(t *testing.T) {
	d := newDesk(t)
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, err := zip.Write([]byte(archived("a", 1, 1)))
	d.check(errors.Join(err, zip.Close()))
	d.write(first+".gz", zipped.String())
	d.write(second, archived("b", 1, 10))
	d.write(second+".gz", "not complete")
	if made := d.update(); !slices.Equal(made, []string{first + ".gz", second}) {
		t.Errorf("added up %v", made)
	}
	if got := d.covered(); got != 11 {
		t.Errorf("the checkpoints have %v searches, want 11", got)
	}
	d.check(os.Remove(d.file(second)))
	d.write(first, archived("a", 1, 1))
	if made := d.update(); made != nil {
		t.Errorf("added up %v again", made)
	}
	d.write(third+".zst", "unknown here")
	if err := d.Update(t.Context(), func(Made) {}); err == nil || !strings.Contains(err.Error(), "decompress") {
		t.Errorf("Update = %v", err)
	}
}

// The next aggregator reads each file or its sum.
func TestConfigurationReadsEachFileOnce(t *testing.T) {
	d := newDesk(t)
	d.write(first, archived("a", 1, 1))
	d.update()
	d.write(second, archived("b", 1, 10))
	d.write(live, archived("c", 1, 100))
	config := filepath.Join(d.Dir, "config.yaml")
	d.check(d.Configure(config))
	text, err := os.ReadFile(config)
	d.check(err)
	start, err := filepath.Glob(filepath.Join(d.Dir, "start-*.jsonl"))
	d.check(err)
	if len(start) != 1 || d.searches(start...) != 1 {
		t.Errorf("%v have %v searches, want 1", start, d.searches(start...))
	}
	want := fmt.Sprintf(`{
  "receivers": {
    "otlp_json_file": {
      "exclude": [
        %q
      ],
      "include": [
        %q,
        %q
      ]
    }
  }
}
`, d.file(first), d.Archives, start[0])
	if string(text) != want {
		t.Errorf("the configuration is\n%s\nwant\n%s", text, want)
	}
	// Another run does not touch what an aggregator has read.
	d.check(d.Configure(config))
	d.update()
	d.check(d.Configure(config))
	d.check(d.Configure(config))
	if again, err := filepath.Glob(filepath.Join(d.Dir, "start-*.jsonl")); err != nil || len(again) != 2 || !slices.Contains(again, start[0]) {
		t.Errorf("%v, %v: want %v and another", again, err, start)
	}
}
