package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Document is a plan in words.
type Document struct {
	Title    string
	Sections []Section
}

// Section is a part of a Document: paragraphs, and a table below them.
type Section struct {
	Title string // empty for the beginning
	Text  []string

	// Header has the table's columns, nil for none. The first one holds names.
	Header []string
	Rows   [][]string
}

// Describe returns a plan in words. Equal plans have equal documents.
func Describe(p otelusage.Plan) Document {
	d := Document{Title: "What is recorded about its use"}
	if p.Application != "" {
		d.Title = fmt.Sprintf("What %s records about its use", p.Application)
	}
	d.Sections = append(d.Sections, Section{Text: introduction(p)})
	for _, k := range kinds {
		section := Section{Title: k.title, Text: []string{k.text}, Header: []string{"Name", "Description", k.column}}
		for _, t := range p.Trackables {
			if t.Kind == k.kind.String() {
				section.Rows = append(section.Rows, []string{t.Name, description(t), k.values(t)})
			}
		}
		if section.Rows != nil {
			d.Sections = append(d.Sections, section)
		}
	}
	d.Sections = append(d.Sections, sections(p.Sending)...)
	return d
}

// kinds are the sections of the trackables.
var kinds = []struct {
	kind                otelusage.Kind
	title, text, column string
	values              func(otelusage.PlannedTrackable) string
}{
	{otelusage.KindStatistic, "Statistics", "Each is a number.", "Number", number},
	{otelusage.KindState, "States", "Each is which of several values holds, and how often each value was entered (NAME.changes). " +
		"Receivers also get how many installations are in each (NAME.occupancy).", "Values", states},
	{otelusage.KindTimer, "Timers", fmt.Sprintf("Each is how often something was done and how long it took: count, total, and how many "+
		"took how long in %d steps up to 7 days.", len(otelusage.TimerBoundaries())), "Attributes", attributes},
	{otelusage.KindSequence, "Sequences", "Each is how often these checkpoints were hit in this order, and how often each was hit (NAME.checkpoints).",
		"Checkpoints", func(t otelusage.PlannedTrackable) string { return strings.Join(quoted(t.Checkpoints), " → ") }},
}

func introduction(p otelusage.Plan) []string {
	if len(p.Trackables) == 0 {
		return []string{"Nothing is recorded."}
	}
	text := []string{"This is everything that can be recorded, as it is declared in the code."}
	if slices.ContainsFunc(p.Trackables, isOpen) {
		return append(text, fmt.Sprintf("Where values are listed, any other value counts as %q. Where any value or attribute is allowed, "+
			"the code decides while it runs.", otelusage.OtherValue))
	}
	return append(text, fmt.Sprintf("Only the values below are recorded. Any other value counts as %q.", otelusage.OtherValue))
}

// isOpen reports whether texts can be recorded that the plan does not have.
func isOpen(t otelusage.PlannedTrackable) bool {
	return t.AnyKey || t.AnyState || slices.ContainsFunc(t.Attributes, func(a otelusage.PlannedAttribute) bool { return a.AnyValue })
}

// Undescribed is what a document says of a trackable without a description.
const Undescribed = "(no description)"

func description(t otelusage.PlannedTrackable) string {
	text := t.Description
	if text == "" {
		text = Undescribed
	}
	if len(t.RenamedFrom) > 0 {
		text += fmt.Sprintf(" (was called %s)", strings.Join(t.RenamedFrom, ", "))
	}
	return text
}

func number(t otelusage.PlannedTrackable) string {
	text := "whole"
	if t.Float {
		text = "decimal"
	}
	if t.Monotonic {
		text += ", only goes up"
	}
	if t.Unit != "" {
		text += ", in " + t.Unit
	}
	if by := attributes(t); by != "" {
		text += "; " + by
	}
	return text
}

func states(t otelusage.PlannedTrackable) string {
	switch {
	case t.AnyState:
		return "any text"
	case len(t.States) == 0:
		return otelusage.OtherValue
	}
	return strings.Join(quoted(t.States), ", ")
}

// attributes says by what a number is divided, "" for nothing.
func attributes(t otelusage.PlannedTrackable) string {
	var by []string
	for _, a := range t.Attributes {
		values := "any value"
		if !a.AnyValue {
			values = strings.Join(quoted(a.Values), ", ")
		}
		by = append(by, fmt.Sprintf("%s (%s)", a.Key, values))
	}
	if t.AnyKey {
		by = append(by, "any attribute")
	}
	if by == nil {
		return ""
	}
	return "by " + strings.Join(by, ", by ")
}

// quoted quotes what could not be told apart in a list.
func quoted(texts []string) []string {
	list := make([]string, len(texts))
	for i, text := range texts {
		list[i] = text
		if text == "" || strings.TrimSpace(text) != text || strings.ContainsAny(text, ",\"()→\n") {
			list[i] = strconv.Quote(text)
		}
	}
	return list
}

// sections say what is sent, and how often.
func sections(s *otelusage.PlannedSending) []Section {
	if s == nil {
		return nil
	}
	sent := Section{Title: "What is sent"}
	if s.Destination == "" {
		sent.Text = []string{"Nothing is sent: all of it stays on this machine."}
		return []Section{sent}
	}
	asked := "That is on until the user switches it off."
	if s.RequireConsent {
		asked = "That begins when the user agrees."
	}
	often := otelusage.FormatDuration(time.Duration(s.IntervalSeconds * float64(time.Second)))
	what := "What was added is"
	if s.Totals {
		what = "The totals are"
	}
	sent.Text = append([]string{fmt.Sprintf("%s sent to %s (%s), at most once in %s. %s", what, s.Destination, s.Protocol, often, asked)}, besides(s)...)
	sent.Header = []string{"Sent along", "Value", "Meaning"}
	for _, w := range s.With {
		sent.Rows = append(sent.Rows, []string{w.Key, w.Value, w.Meaning})
	}
	return []Section{sent}
}

// besides says what a submission has besides the trackables.
func besides(s *otelusage.PlannedSending) []string {
	const active = "Besides the above it has, once per day, week and month in which anything was recorded, that this was so (otelusage.active), and:"
	switch {
	case s.Totals:
		return []string{"A submission has one value of each trackable. Besides the above it has how often there was one (otelusage.submissions), and:"}
	case s.Unlinkable:
		return []string{"A submission has sums and the hour in which it was made, not single events. Two submissions of one installation share no id: " +
			"who receives them cannot tell them from those of two, but by what they say. " + active}
	}
	ids := "The installation's ids change when the user erases everything. The receiver is then asked to delete what was sent under the old ones (otelusage.erased)."
	if s.RotationSeconds > 0 {
		ids = fmt.Sprintf("The installation's ids change every %s, and when the user erases everything. The receiver is then asked to delete what was "+
			"sent under the latest ones (otelusage.erased).", otelusage.FormatDuration(time.Duration(s.RotationSeconds*float64(time.Second))))
	}
	return []string{ids, "A submission has sums and the time in which they were added, not single events. " + active}
}
