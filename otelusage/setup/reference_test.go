package setup

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// upload is the body of a request to HQ.
type upload struct {
	Key     string           `json:"API Key"`
	User    string           `json:"User Identifier"`
	Name    string           `json:"Application Name"`
	Version string           `json:"Application Version"`
	Data    map[string]entry `json:"Data"`
}

type entry struct {
	Type, Description string
	Data              any
}

func parseUpload(t *testing.T, body []byte) (u upload) {
	t.Helper()
	must(t, json.Unmarshal(body, &u))
	return u
}

func sameUpload(t *testing.T, got, want upload) {
	t.Helper()
	if got.Key != want.Key || got.User != want.User || got.Name != want.Name || got.Version != want.Version {
		t.Errorf("uploaded as %+v, want %+v", got, want)
	}
	for _, name := range slices.Sorted(maps.Keys(want.Data)) {
		if !reflect.DeepEqual(got.Data[name], want.Data[name]) {
			t.Errorf("%s: uploaded %+v, want %+v", name, got.Data[name], want.Data[name])
		}
	}
	if len(got.Data) != len(want.Data) {
		t.Errorf("uploaded %d trackables, want %d", len(got.Data), len(want.Data))
	}
}

// hqConfig is the configuration file of an application that uses HQ.
func hqConfig(t *testing.T, host, path, version string) Config {
	t.Helper()
	c, err := LoadFile(write(t, fmt.Sprintf("[General]\nfilepath = %s\napplication_name = MyApp\napplication_version = %s\n"+
		"submit_interval_s = 3600\n[HQ]\nhost = %s\napi_key = k\n", path, version, host)))
	must(t, err)
	return c
}

// TestUploadOfTheProtocolsSample: a program that does what the recorded one did
// uploads the same, key for key and value for value.
func TestUploadOfTheProtocolsSample(t *testing.T) {
	hq := newHQ(t)
	c := hqConfig(t, hq.URL, filepath.Join(t.TempDir(), "usage.db"), "1.0.0")
	c.InstallationID = "user-1"
	u := started(t, c)
	tracker := u.Tracker()
	n, err := tracker.Statistic("n", otelusage.WithDescription("a number"))
	must(t, err)
	units, err := tracker.State("Unit System", "Metric", otelusage.WithDescription("units"))
	must(t, err)
	_, err = tracker.State("server", otelusage.NoState)
	must(t, err)
	task, err := tracker.Timer("task_A")
	must(t, err)
	s, err := tracker.Sequence("s", []string{"A", "B", "C"})
	must(t, err)
	_, err = tracker.Statistic("untouched")
	must(t, err)
	n.Add(10)
	units.Set("US Standard")
	task.Record(t.Context(), 2*time.Microsecond)
	for _, checkpoint := range []string{"A", "B", "C"} {
		s.Hit(checkpoint)
	}
	must(t, u.Submit(t.Context()))
	must(t, u.Close())
	_, bodies := hq.got()
	if len(bodies) != 1 {
		t.Fatalf("%d uploads", len(bodies))
	}
	sameUpload(t, parseUpload(t, []byte(bodies[0])), parseUpload(t, []byte(`{
		"API Key": "k", "User Identifier": "user-1", "Application Name": "MyApp", "Application Version": "1.0.0",
		"Data": {
			"__submissions__": {"type": "Statistic", "description": "The number of statistic submissions to the server.", "data": 1.0},
			"n":           {"type": "Statistic", "description": "a number", "data": 10.0},
			"Unit_System": {"type": "State", "description": "units", "data": "US Standard"},
			"server":      {"type": "State", "description": "", "data": "No State"},
			"task_A":      {"type": "Timer", "description": "", "data": 2e-06},
			"s":           {"type": "Sequence", "description": "", "data": 1.0},
			"untouched":   {"type": "Statistic", "description": "", "data": 0}}}`)))
}

// TestUploadAfterTheReference: an application that used the Python library before
// uploads what that would have uploaded next, whether it declares everything
// again or has dropped some; and then goes on from there.
func TestUploadAfterTheReference(t *testing.T) {
	recorded := filepath.Join("..", "..", "localstore", "testdata", "reference")
	text, err := os.ReadFile(filepath.Join(recorded, "usage.json"))
	must(t, err)
	var sample struct {
		Next json.RawMessage `json:"next_upload"`
	}
	must(t, json.Unmarshal(text, &sample))
	want := parseUpload(t, sample.Next)

	hq := newHQ(t)
	path := filepath.Join(t.TempDir(), "usage_stats.db")
	for from, to := range map[string]string{"usage.db": "usage_stats.db", "usage.part.db": "usage_stats.part.db"} {
		content, err := os.ReadFile(filepath.Join(recorded, from))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(filepath.Dir(path), to), content, 0o600))
	}
	u := started(t, hqConfig(t, hq.URL, path, "1.4.2"))
	quests, err := u.Tracker().Statistic("quests_complete", otelusage.WithDescription("Quests handed in"))
	must(t, err)
	gold, err := u.Tracker().FloatStatistic("gold", otelusage.WithDescription("The hero's purse"))
	must(t, err)
	units, err := u.Tracker().State("Unit System", "Metric", otelusage.WithDescription("Units shown"))
	must(t, err)
	play, err := u.Tracker().Timer("play_time", otelusage.WithDescription("Time in the game"))
	must(t, err)
	if state, _ := units.Value(); quests.Value() != 43 || gold.Value() != 56.75 || state != "US Standard" || play.Count() != 40 {
		t.Errorf("restored %v, %v, %v, %v", quests, gold, units, play)
	}
	must(t, u.Submit(t.Context()))

	quests.Add(2)
	units.Set("Metric")
	must(t, u.Submit(t.Context()))
	must(t, u.Close())
	_, bodies := hq.got()
	if len(bodies) != 2 {
		t.Fatalf("%d uploads", len(bodies))
	}
	sameUpload(t, parseUpload(t, []byte(bodies[0])), want)
	want.Data["quests_complete"] = entry{"Statistic", "Quests handed in", 45.0}
	want.Data["Unit_System"] = entry{"State", "Units shown", "Metric"}
	want.Data["__submissions__"] = entry{"Statistic", "The number of statistic submissions to the server.", 3.0}
	sameUpload(t, parseUpload(t, []byte(bodies[1])), want)
}

// TestInitialStatesAtHQ: the Python library uploads what the program passes today
// until a state is set, which then stays.
func TestInitialStatesAtHQ(t *testing.T) {
	hq := newHQ(t)
	path := filepath.Join(t.TempDir(), "usage.db")
	for i, run := range []struct{ initial, set, want string }{
		{"Metric", "", "Metric"},
		{"Metric", "Metric", "Metric"},
		{"US Standard", "", "US Standard"},
		{otelusage.NoState, "", "No State"},
		{"Metric", "", "Metric"},
		{"Metric", "US Standard", "US Standard"},
		{"Imperial", "", "US Standard"},
	} {
		u := started(t, hqConfig(t, hq.URL, path, "1.4.2"))
		units, err := u.Tracker().State("Unit System", run.initial)
		must(t, err)
		if run.set != "" {
			units.Set(run.set)
		}
		n, err := u.Tracker().Statistic("n")
		must(t, err)
		n.Add(1)
		must(t, u.Submit(t.Context()))
		must(t, u.Close())
		_, bodies := hq.got()
		if len(bodies) != i+1 {
			t.Fatalf("%d uploads, want %d", len(bodies), i+1)
		}
		if got := parseUpload(t, []byte(bodies[i])).Data["Unit_System"].Data; got != run.want {
			t.Errorf("run %d uploads %v, want %v", i+1, got, run.want)
		}
	}
}
