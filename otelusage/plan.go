package otelusage

import (
	"slices"
)

// Planner says what a program can record and what is sent of it. A [Tracker] knows
// the former; standalone.Config and setup.Config know both.
type Planner interface{ Plan() Plan }

// Plan is everything that a program can record. It is made from the declarations
// alone, without a mirror and without a network, and is equal for equal
// declarations. Package otelusage/plan shows it to people.
type Plan struct {
	Application string `json:"application,omitempty"`

	// DeclaredOnly says that no free text is recorded; see [DeclaredOnly].
	DeclaredOnly bool `json:"declared_only"`

	// Trackables are in the order of [Tracker.All].
	Trackables []PlannedTrackable `json:"trackables"`

	// Sending is nil for who does not know of it, as a Tracker.
	Sending *PlannedSending `json:"sending,omitempty"`
}

// PlannedTrackable is what can be recorded of a trackable.
type PlannedTrackable struct {
	Name        string `json:"name"`
	Kind        string `json:"kind"` // as of [Kind.String]
	Description string `json:"description"`
	Unit        string `json:"unit,omitempty"`
	Float       bool   `json:"float,omitempty"`
	Monotonic   bool   `json:"monotonic,omitempty"`

	// Attributes are those whose keys are declared, by key. AnyKey says that With
	// may bring others.
	Attributes []PlannedAttribute `json:"attributes,omitempty"`
	AnyKey     bool               `json:"any_key,omitempty"`

	// States are those of a State that are declared, AnyState says that none are.
	States   []string `json:"states,omitempty"`
	AnyState bool     `json:"any_state,omitempty"`

	Checkpoints []string `json:"checkpoints,omitempty"` // of a Sequence, in order
	RenamedFrom []string `json:"renamed_from,omitempty"`

	// Metrics are the metrics that carry it.
	Metrics []string `json:"metrics"`
}

// PlannedAttribute is an attribute of a Statistic or Timer. Besides Values it can
// have [OtherValue].
type PlannedAttribute struct {
	Key      string   `json:"key"`
	Values   []string `json:"values,omitempty"` // as they were declared
	AnyValue bool     `json:"any_value,omitempty"`
}

// PlannedSending is what leaves the machine.
type PlannedSending struct {
	// Destination is scheme and host, empty where nothing is sent. Protocol is what
	// is spoken there.
	Destination string `json:"destination"`
	Protocol    string `json:"protocol,omitempty"`

	IntervalSeconds float64 `json:"interval_seconds,omitempty"` // between submissions, at least
	RequireConsent  bool    `json:"require_consent"`            // nothing is sent before somebody agreed

	// Totals says that a submission has the lifetime total of each trackable, instead
	// of what was added.
	Totals bool `json:"totals,omitempty"`

	// Unlinkable says that each submission has an id of its own, and none of the
	// installation. Otherwise the installation's ids change after RotationSeconds, 0
	// for never, and when everything is erased.
	Unlinkable      bool    `json:"unlinkable,omitempty"`
	RotationSeconds float64 `json:"rotation_seconds,omitempty"`

	// With is sent with every submission.
	With []PlannedText `json:"with,omitempty"`
}

// PlannedText is a text that is sent with every submission.
type PlannedText struct {
	Key     string `json:"key"`
	Value   string `json:"value,omitempty"` // empty where it depends on the machine or the release
	Meaning string `json:"meaning"`
}

// Plan returns what can be recorded of what is declared by now.
func (t *Tracker) Plan() Plan {
	p := Plan{Trackables: []PlannedTrackable{}}
	if t == nil {
		return p
	}
	for _, tr := range t.sorted() {
		p.Trackables = append(p.Trackables, tr.about().planned())
	}
	if t.isStrict() {
		return p.OnlyDeclared()
	}
	return p
}

// OnlyDeclared returns the plan of a program that starts with [DeclaredOnly].
func (p Plan) OnlyDeclared() Plan {
	p.DeclaredOnly, p.Trackables = true, slices.Clone(p.Trackables)
	for i := range p.Trackables {
		t := &p.Trackables[i]
		t.AnyKey, t.AnyState, t.Attributes = false, false, slices.Clone(t.Attributes)
		for j := range t.Attributes {
			if a := &t.Attributes[j]; a.AnyValue {
				a.AnyValue, a.Values = false, []string{"false", "true"}
			}
		}
	}
	return p
}

func (m *definition) planned() PlannedTrackable {
	o := m.options()
	t := PlannedTrackable{
		Name: m.name, Kind: m.kind.String(), Description: o.description, Unit: o.unit, Float: m.float, Monotonic: m.monotonic,
		Checkpoints: slices.Clone(m.checkpoints), RenamedFrom: m.formerNames(),
	}
	for _, metric := range m.metrics(o.unit) {
		t.Metrics = append(t.Metrics, metric.Name)
	}
	switch m.kind {
	case KindStatistic, KindTimer:
		t.Attributes, t.AnyKey = o.declared.attributes()
	case KindState:
		t.AnyState = o.declared == nil
		if !t.AnyState {
			t.States = slices.DeleteFunc(withoutDuplicates(o.declared.states), func(s string) bool { return s == NoState })
		}
	}
	return t
}

// attributes returns what d says of them.
func (d *declared) attributes() (list []PlannedAttribute, anyKey bool) {
	if d == nil {
		return nil, true
	}
	for _, key := range d.allKeys() {
		values, known := d.values[key]
		list = append(list, PlannedAttribute{Key: string(key), Values: withoutDuplicates(values), AnyValue: !known})
	}
	return list, !d.closed
}

// withoutDuplicates keeps the order in which values were declared.
func withoutDuplicates(list []string) (kept []string) {
	for _, s := range list {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

var _ Planner = (*Tracker)(nil)
