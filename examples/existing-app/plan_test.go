package main

import (
	"testing"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/otelusagetest"
)

// TestUsagePlan keeps USAGE.md in step with what the example declares. With -update
// it writes the file.
func TestUsagePlan(t *testing.T) {
	forwarder, err := otlp.New(t.Context(), otlp.WithEndpointURL("https://usage.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	tracker := new(otelusage.Tracker)
	if _, err := declare(tracker); err != nil {
		t.Fatal(err)
	}
	otelusagetest.Plan(t, config("", forwarder, tracker), "USAGE.md")
}
