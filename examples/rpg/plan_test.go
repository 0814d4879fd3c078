package main

import (
	"testing"

	"github.com/anonymoususage/anonymoususage-go/examples/internal/game"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/otelusagetest"
)

// TestUsagePlan keeps USAGE.md in step with what the example declares. With -update
// it writes the file.
func TestUsagePlan(t *testing.T) {
	cfg, err := load("")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Tracker = new(otelusage.Tracker)
	if _, err := game.New(cfg.Tracker); err != nil {
		t.Fatal(err)
	}
	otelusagetest.Plan(t, cfg, "USAGE.md")
}
