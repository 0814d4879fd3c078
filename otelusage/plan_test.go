package otelusage

import (
	"encoding/json"
	"testing"
)

// TestPlanIsTheSameInAnyOrder of declarations, and is stable as JSON.
func TestPlanIsTheSameInAnyOrder(t *testing.T) {
	declarations := []func(*Tracker) error{
		func(t *Tracker) error {
			_, err := t.Statistic("saves", WithDescription("Saved"), WithUnit("{file}"), Monotonic(), WithValues("via", "web", "cli", "web"), WithValues("by", ""), WithKeys("night"))
			return err
		},
		func(t *Tracker) error {
			_, err := t.FloatStatistic("Gold coins", RenamedFrom("gold"))
			return err
		},
		func(t *Tracker) error {
			_, err := t.State("theme", "paper", WithStates("paper", NoState, "night"))
			return err
		},
		func(t *Tracker) error { _, err := t.State("lang", NoState); return err },
		func(t *Tracker) error { _, err := t.Timer("work", WithKeys()); return err },
		func(t *Tracker) error { _, err := t.Sequence("trip", []string{"a", "b", "a"}); return err },
	}
	const want = `{"declared_only":false,"trackables":[` +
		`{"name":"Gold_coins","kind":"statistic","description":"","float":true,"any_key":true,"renamed_from":["gold"],"metrics":["Gold_coins"]},` +
		`{"name":"saves","kind":"statistic","description":"Saved","unit":"{file}","monotonic":true,"attributes":[{"key":"by","values":[""]},{"key":"night","any_value":true},{"key":"via","values":["web","cli"]}],"metrics":["saves"]},` +
		`{"name":"lang","kind":"state","description":"","any_state":true,"metrics":["lang","lang.changes","lang.occupancy"]},` +
		`{"name":"theme","kind":"state","description":"","states":["paper","night"],"metrics":["theme","theme.changes","theme.occupancy"]},` +
		`{"name":"work","kind":"timer","description":"","unit":"s","metrics":["work"]},` +
		`{"name":"trip","kind":"sequence","description":"","checkpoints":["a","b","a"],"metrics":["trip","trip.checkpoints"]}]}`
	const strict = `{"declared_only":true,"trackables":[` +
		`{"name":"Gold_coins","kind":"statistic","description":"","float":true,"renamed_from":["gold"],"metrics":["Gold_coins"]},` +
		`{"name":"saves","kind":"statistic","description":"Saved","unit":"{file}","monotonic":true,"attributes":[{"key":"by","values":[""]},{"key":"night","values":["false","true"]},{"key":"via","values":["web","cli"]}],"metrics":["saves"]},` +
		`{"name":"lang","kind":"state","description":"","metrics":["lang","lang.changes","lang.occupancy"]},` +
		`{"name":"theme","kind":"state","description":"","states":["paper","night"],"metrics":["theme","theme.changes","theme.occupancy"]},` +
		`{"name":"work","kind":"timer","description":"","unit":"s","metrics":["work"]},` +
		`{"name":"trip","kind":"sequence","description":"","checkpoints":["a","b","a"],"metrics":["trip","trip.checkpoints"]}]}`
	asJSON := func(p Plan) string { return string(must[[]byte](t)(json.Marshal(p))) }
	for shift := range declarations {
		tracker := new(Tracker)
		for i := range declarations {
			must[any](t)(nil, declarations[(i+shift)%len(declarations)](tracker))
		}
		open := tracker.Plan()
		if got := asJSON(open.OnlyDeclared()); got != strict {
			t.Errorf("strict plan\n%s\nwant\n%s", got, strict)
		}
		if got := asJSON(open); got != want {
			t.Errorf("plan\n%s\nwant\n%s", got, want)
		}
		_ = tracker.Attach(WithMeterProvider(newSDK()), WithErrorHandler(func(error) {}), DeclaredOnly())
		if got := asJSON(tracker.Plan()); got != strict {
			t.Errorf("plan of a strict tracker\n%s\nwant\n%s", got, strict)
		}
	}
	if got := asJSON((*Tracker)(nil).Plan()); got != `{"declared_only":false,"trackables":[]}` {
		t.Errorf("plan of nil: %s", got)
	}
}
