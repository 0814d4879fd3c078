package otelusagetest_test

import (
	"testing"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/otelusagetest"
)

// The package under test counts on the default tracker.
var saves = otelusage.NewStatistic("saves")

func save() { saves.Inc() }

func Example() {
	// func TestSaveIsCounted(t *testing.T)
	_ = func(t *testing.T) {
		usage := otelusagetest.Isolate(t)
		save()
		save()
		if got := usage.Since()["saves"]; got != "2" {
			t.Errorf("%s saves were counted, want 2", got)
		}
	}
}

func ExampleNew() {
	// func TestSearchesAreCounted(t *testing.T)
	_ = func(t *testing.T) {
		tracker := otelusagetest.New(t)
		searches, err := tracker.Statistic("searches")
		if err != nil {
			t.Fatal(err)
		}
		searches.Add(3)
		if n := otelusagetest.Count(t, tracker, "searches"); n != 3 {
			t.Errorf("%d searches were counted, want 3", n)
		}
	}
}

// The published document is in step with the code. It is written by go test -update.
func ExamplePlan() {
	// func TestUsagePlan(t *testing.T)
	_ = func(t *testing.T) {
		otelusagetest.Plan(t, otelusage.Default(), "USAGE.md") // better: the program's standalone.Config
	}
}
