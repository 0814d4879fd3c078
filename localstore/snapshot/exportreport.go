package snapshot

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// WriteReport writes a text for people, in the four sections of the Python
// library's report: States, Statistics, Timers and Sequences, each an
// aligned table in UTF-8.
//
// A Statistic's Average is its total divided by the number of recordings
// that changed it, summed over its series, where the Python library divides what came after
// its first row by the rows but one.
// Averages and times are rounded to six decimals, totals are exact. A section
// without trackables says "(none)".
//
// It writes what the file held at one moment; declarations that wait to be
// written are included. An error of w is returned, wrapped. Nothing is locked
// while w is written to. No context ends what it reads: that of
// [Reader.Snapshot] does, whose result writes the same.
func (rd *Reader) WriteReport(w io.Writer) error {
	snap, err := rd.snapshot(sqlitedb.Background, Query{}, false)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return snap.WriteReport(w)
}

// WriteReport writes the snapshot as [Reader.WriteReport] does.
func (snap *Snapshot) WriteReport(w io.Writer) error {
	if snap == nil {
		return mirrordb.ErrNotOpen
	}
	var text bytes.Buffer
	for i, section := range reportSections {
		if i > 0 {
			text.WriteByte('\n')
		}
		if err := section.write(&text, snap.Of(section.kind)); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	_, err := text.WriteTo(w)
	return mirrordb.Wrap("write report", err)
}

type reportSection struct {
	title   string
	kind    otelusage.Kind
	columns []string                  // after Name and Description
	row     func(*Trackable) []string // the same
}

var reportSections = []reportSection{
	{"States", otelusage.KindState, []string{"State", "Number of Changes"}, func(t *Trackable) []string {
		return []string{tableCell(t.shownState()), strconv.FormatInt(t.Changes, 10)}
	}},
	{"Statistics", otelusage.KindStatistic, []string{"Total", "Average"}, func(t *Trackable) []string {
		return []string{t.shownTotal(), rounded(t.Average())}
	}},
	{"Timers", otelusage.KindTimer, []string{"Average Seconds", "Total Seconds", "Total Minutes", "Total Hours", "Total Days"},
		func(t *Trackable) []string {
			row := []string{rounded(t.AverageSeconds())}
			for _, unit := range []float64{1, 60, 60 * 60, 24 * 60 * 60} {
				row = append(row, rounded(t.Seconds/unit))
			}
			return row
		}},
	{"Sequences", otelusage.KindSequence, []string{"Sequence", "Number of Completions"}, func(t *Trackable) []string {
		return []string{tableCell(strings.Join(t.Checkpoints, "-->")), t.shownTotal()}
	}},
}

func (r *reportSection) write(text *bytes.Buffer, list []*Trackable) error {
	fmt.Fprintf(text, "%s\n%s\n", r.title, strings.Repeat("=", len(r.title)))
	if len(list) == 0 {
		text.WriteString("(none)\n")
		return nil
	}
	header := append([]string{"Name", "Description"}, r.columns...)
	rule := make([]string, len(header))
	for i, title := range header {
		rule[i] = strings.Repeat("-", len(title))
	}
	table := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s\n%s\n", strings.Join(header, "\t"), strings.Join(rule, "\t"))
	for _, t := range list {
		row := append([]string{tableCell(t.Name), tableCell(t.Description)}, r.row(t)...)
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

// tableCell keeps a text on its line and in its column, and control sequences
// from the terminal.
func tableCell(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}

// rounded writes a float to six decimals, microseconds where it is a time.
func rounded(f float64) string {
	if math.Abs(f) < 1e9 { // beyond, a float has hardly more decimals than that
		f = math.Round(f*1e6) / 1e6
	}
	return formatFloat(f)
}
