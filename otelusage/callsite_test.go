package otelusage_test

import (
	"errors"
	"regexp"
	"testing"

	"go.opentelemetry.io/otel/metric/noop"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

const (
	elsewhere = `github\.com/anonymoususage/anonymoususage-go/otelusage/elsewhere_test\.go:5`
	here      = `github\.com/anonymoususage/anonymoususage-go/otelusage_test/callsite_test\.go:\d+`
)

func wantError(t *testing.T, err error, pattern string) {
	t.Helper()
	if err == nil || !regexp.MustCompile(pattern).MatchString(err.Error()) {
		t.Errorf("error %v, want %s", err, pattern)
	}
}

// TestConflictNamesBothPlaces: package, file and line of each declaration.
func TestConflictNamesBothPlaces(t *testing.T) {
	tracker := new(otelusage.Tracker)
	if err := otelusage.DeclareElsewhere(tracker, "n"); err != nil {
		t.Fatal(err)
	}
	_, err := tracker.Statistic("N")
	if !errors.Is(err, otelusage.ErrConflict) {
		t.Error(err)
	}
	wantError(t, err, `^declare statistic "N" at `+here+`: conflicting declaration: it was a timer before, at `+elsewhere+`$`)

	_, err = tracker.Sequence("s", []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, otelusage.DeclareElsewhere(tracker, "s"), `^declare timer "s" at `+elsewhere+`: .*it was a sequence before, at `+here+`$`)
}

// TestConflictOfTwoTrackersNamesBothPlaces: on one MeterProvider they share
// their counts.
func TestConflictOfTwoTrackersNamesBothPlaces(t *testing.T) {
	provider := new(noop.MeterProvider)
	quiet := otelusage.WithErrorHandler(func(error) {})
	first, err := otelusage.New(otelusage.WithMeterProvider(provider), quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := otelusage.DeclareElsewhere(first, "n"); err != nil {
		t.Fatal(err)
	}
	second, err := otelusage.New(otelusage.WithMeterProvider(provider), quiet)
	if err != nil {
		t.Fatal(err)
	}
	_, err = second.Statistic("n")
	wantError(t, err, `at `+here+`: .*before, at `+elsewhere+`$`)
	if _, err := first.Statistic("m", otelusage.Monotonic()); err != nil {
		t.Fatal(err)
	}
	_, err = second.Statistic("m")
	wantError(t, err, `it was monotonic before, at `+here+`$`)
}

// TestWhatIsNotKeptNamesBothPlaces: another description is no conflict, and
// somebody wrote it in vain.
func TestWhatIsNotKeptNamesBothPlaces(t *testing.T) {
	tracker := new(otelusage.Tracker)
	if _, err := tracker.Timer("t", otelusage.WithDescription("here")); err != nil {
		t.Fatal(err)
	}
	if err := otelusage.DeclareElsewhere(tracker, "t"); err != nil {
		t.Fatal(err)
	}
	wantError(t, tracker.Err(), `at `+elsewhere+` with another description, "elsewhere"; kept "here" of `+here+`$`)
	for _, initial := range []string{"A", "B"} {
		if _, err := tracker.State("s", initial); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, tracker.Err(), `declared again at `+here+` with another initial state, "B"; kept "A" of `+here+`$`)
}

// TestPackageVariablesNameTheirPlace: NewTimer is one call further away.
func TestPackageVariablesNameTheirPlace(t *testing.T) {
	otelusage.NewTimer("place_of_a_package_variable")
	otelusage.NewStatistic("place_of_a_package_variable")
	wantError(t, otelusage.Default().Err(), `declare statistic "place_of_a_package_variable" at `+here+`: .* at `+here)
}
