package otelusage

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// declaration declares a trackable: "statistic", "counter", "float", "state", "timer"
// or "sequence".
type declaration struct {
	kind, name, unit string
}

func (d declaration) on(t *Tracker) error {
	opts := []StatisticOption{WithUnit(d.unit)}
	var err error
	switch d.kind {
	case "counter":
		_, err = t.Statistic(d.name, append(opts, Monotonic())...)
	case "statistic":
		_, err = t.Statistic(d.name, opts...)
	case "float":
		_, err = t.FloatStatistic(d.name, opts...)
	case "state":
		_, err = t.State(d.name, "on")
	case "timer":
		_, err = t.Timer(d.name)
	case "sequence":
		_, err = t.Sequence(d.name, []string{"a", "b"})
	}
	return err
}

// collisions are pairs of which a Collector's Prometheus shows one alone, or both as
// one: TestCollisionsAtACollector of collector-config/e2e shows what it does.
var collisions = [][2]declaration{
	{{"statistic", "save.file", ""}, {"statistic", "save_file", ""}},
	{{"statistic", "save.file", ""}, {"statistic", "save-file", ""}},
	{{"statistic", "save/file", ""}, {"float", "Save__File", ""}},
	{{"statistic", "save.file", ""}, {"counter", "save_file", ""}},
	{{"state", "save.file", ""}, {"state", "save_file", ""}},
	{{"timer", "save.file", ""}, {"timer", "save-file", ""}},
	{{"sequence", "save.file", ""}, {"sequence", "save_file", ""}},
	{{"timer", "save.file", ""}, {"sequence", "save-file", ""}},
	{{"timer", "session", ""}, {"statistic", "session_seconds", ""}},
	{{"timer", "session", ""}, {"statistic", "session_seconds_sum", ""}},
	{{"timer", "session", ""}, {"float", "session.seconds.sum", ""}},
	{{"timer", "session", ""}, {"statistic", "session-seconds-count", ""}},
	{{"timer", "session", ""}, {"state", "session/seconds/bucket", ""}},
	{{"timer", "session", ""}, {"timer", "session.seconds", ""}},
	{{"timer", "session", ""}, {"timer", "session_seconds_count", ""}},
	{{"timer", "session_seconds", ""}, {"statistic", "session", "s"}},
	{{"state", "theme", ""}, {"statistic", "theme_occupancy", ""}},
	{{"state", "theme", ""}, {"statistic", "theme-changes", ""}},
	{{"state", "theme", ""}, {"counter", "theme/changes", ""}},
	{{"state", "theme", ""}, {"statistic", "theme_changes_total", ""}},
	{{"sequence", "export", ""}, {"statistic", "export_checkpoints", ""}},
	{{"sequence", "export", ""}, {"statistic", "export_checkpoints_total", ""}},
	{{"sequence", "export", ""}, {"statistic", "export_total", ""}},
	{{"counter", "saves", ""}, {"statistic", "saves_total", ""}},
	{{"counter", "saves", ""}, {"counter", "saves.total", ""}},
	{{"counter", "saves", ""}, {"sequence", "total_saves", ""}},
	{{"counter", "read", "By"}, {"counter", "read.bytes", ""}},
	{{"counter", "read", "By"}, {"statistic", "read_bytes_total", "1"}},
	{{"sequence", "total", ""}, {"statistic", "Total-", ""}},
}

var suggested = regexp.MustCompile(`"([^"]+)" is free`)

// TestCollisionsAtAReceiverAreRefused, whichever is declared first, in one tracker and
// in two on one provider. The name that is suggested is accepted, with the history of
// the other one.
func TestCollisionsAtAReceiverAreRefused(t *testing.T) {
	for _, pair := range collisions {
		for order := range 2 {
			for trackers := 1; trackers <= 2; trackers++ {
				first, second := pair[order], pair[1-order]
				t.Run(fmt.Sprint(first, second, trackers), func(t *testing.T) {
					tracker, sdk, _ := attached(t)
					if err := first.on(tracker); err != nil {
						t.Fatal(err)
					}
					if trackers == 2 {
						tracker = must[*Tracker](t)(New(WithMeterProvider(sdk), WithErrorHandler(func(error) {})))
					}
					err := second.on(tracker)
					if !errors.Is(err, ErrConflict) || strings.Count(err.Error(), "metricnames_test.go:") != 2 {
						t.Fatalf("it is refused as %v", err)
					}
					free := suggested.FindStringSubmatch(err.Error())
					if free == nil {
						t.Fatalf("no suggestion in %v", err)
					}
					second.name = free[1]
					if err := second.on(tracker); err != nil {
						t.Errorf("the name that is suggested: %v", err)
					}
					if err := first.on(tracker); err != nil && trackers == 1 {
						t.Errorf("the first once more: %v", err)
					}
				})
			}
		}
	}
}

// TestNamesThatNoReceiverMixesUp may be declared together.
func TestNamesThatNoReceiverMixesUp(t *testing.T) {
	for _, list := range [][]declaration{
		{{"counter", "total", ""}, {"timer", "total_time", ""}},
		{{"statistic", "sum", ""}, {"statistic", "count", ""}, {"statistic", "bucket", ""}, {"statistic", "changes", ""}, {"timer", "occupancy", ""}},
		{{"timer", "session", ""}, {"statistic", "session_count", ""}, {"statistic", "sessions", ""}},
		{{"statistic", "saves", ""}, {"statistic", "saves_total", ""}},
		{{"statistic", "room_occupancy", ""}, {"statistic", "git_changes", ""}, {"counter", "theme.changed", ""}},
		{{"counter", "read", "By"}, {"counter", "read_lines", ""}},
		{{"statistic", "savefile", ""}, {"statistic", "save_file", ""}},
	} {
		tracker, _, _ := attached(t)
		for _, d := range list {
			if err := d.on(tracker); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestNamesOfOthersAtAReceiver are of the Collector and of this module.
func TestNamesOfOthersAtAReceiver(t *testing.T) {
	for _, d := range []declaration{
		{"statistic", "target_info", ""}, {"state", "target.info", ""},
		{"counter", "otelusage_active", ""}, {"statistic", "otelusage-erased", ""}, {"statistic", "OTelUsage_Active", ""}, {"statistic", "otelusage_active_total", ""},
	} {
		tracker, _, _ := attached(t)
		if err := d.on(tracker); !errors.Is(err, ErrInvalidName) || !strings.Contains(err.Error(), "would be valid") {
			t.Errorf("%v: %v", d, err)
		}
	}
}

// TestARenamedTrackableLeavesACollision: its old name, which collides, is a former one.
func TestARenamedTrackableLeavesACollision(t *testing.T) {
	tracker, _, _ := attached(t)
	for name, opts := range map[string][]StatisticOption{"save.file": nil, "save_file_2": {RenamedFrom("save_file")}} {
		if _, err := tracker.Statistic(name, opts...); err != nil {
			t.Error(err)
		}
	}
	if _, err := tracker.Statistic("load_file", RenamedFrom("load.file")); err != nil {
		t.Errorf("a new spelling of its own name: %v", err)
	}
}

// TestAUnitThatIsGivenLater makes another name at a receiver.
func TestAUnitThatIsGivenLater(t *testing.T) {
	tracker := new(Tracker)
	for _, d := range []declaration{{"statistic", "read", ""}, {"statistic", "read_bytes", ""}} {
		if err := d.on(tracker); err != nil {
			t.Fatal(err)
		}
	}
	if err := (declaration{"statistic", "read", "By"}).on(tracker); !errors.Is(err, ErrConflict) {
		t.Errorf("a unit that collides: %v", err)
	}
	if err := (declaration{"statistic", "read", "ms"}).on(tracker); err != nil {
		t.Errorf("another unit: %v", err)
	}
	if err := (declaration{"statistic", "read.milliseconds", ""}).on(tracker); !errors.Is(err, ErrConflict) {
		t.Errorf("what collides with that unit: %v", err)
	}
	if err := (declaration{"timer", "read_seconds", ""}).on(tracker); err != nil {
		t.Errorf("what collides with no unit that it has: %v", err)
	}
}

// TestOneOfManyThatCollideIsDeclared, when all are at once.
func TestOneOfManyThatCollideIsDeclared(t *testing.T) {
	tracker, sdk, _ := attached(t)
	other := must[*Tracker](t)(New(WithMeterProvider(sdk), WithErrorHandler(func(error) {})))
	var wait sync.WaitGroup
	var mu sync.Mutex
	declared := 0
	for i, name := range []string{"a.b", "a_b", "a-b", "a/b", "a__b", "a.b_"} {
		for _, tracker := range []*Tracker{tracker, other} {
			wait.Go(func() {
				s, err := tracker.Statistic(name)
				s.Add(int64(i))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					declared++
				} else if !errors.Is(err, ErrConflict) {
					t.Error(err)
				}
			})
		}
	}
	wait.Wait()
	if declared < 1 || declared > 2 { // in both trackers under one name, at most
		t.Errorf("%d are declared", declared)
	}
}
