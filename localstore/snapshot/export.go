package snapshot

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/saturate"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Order is how [Reader.WriteCSV] orders its rows. The zero value is
// [OrderByType].
type Order int

// The orders. Names compare without case.
const (
	OrderByType Order = iota // Sequence, State, Statistic, Timer; then by name
	OrderByName              // by name, then by type
)

// noState stands for the state of a State that has none, as the Python
// library's exports show it.
const noState = "No Initial State"

var typeNames = map[otelusage.Kind]string{
	otelusage.KindStatistic: "Statistic", otelusage.KindState: "State",
	otelusage.KindTimer: "Timer", otelusage.KindSequence: "Sequence",
}

// WriteCSV writes one row per declared trackable, with the columns Name, Type,
// Value and Description of the Python library: a Statistic's total
// over all its series, a State's text or "No Initial State", a Timer's total
// seconds, a Sequence's completions. Quoting is that of RFC 4180, in UTF-8. A
// name, state or description that a spreadsheet would take for a formula gets a
// leading apostrophe; numbers are left alone.
//
// It writes what the file held at one moment; declarations that wait to be
// written are included. An error of w is returned, wrapped. Nothing is locked
// while w is written to. No context ends what it reads: that of
// [Reader.Snapshot] does, whose result writes the same.
func (rd *Reader) WriteCSV(w io.Writer, order Order) error {
	if order != OrderByType && order != OrderByName {
		return fmt.Errorf("write csv: unknown order %d", int(order))
	}
	snap, err := rd.snapshot(sqlitedb.Background, Query{}, false)
	if err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	return snap.WriteCSV(w, order)
}

// WriteCSV writes the snapshot as [Reader.WriteCSV] does, and leaves its
// trackables in that order.
func (snap *Snapshot) WriteCSV(w io.Writer, order Order) error {
	if snap == nil {
		return mirrordb.ErrNotOpen
	}
	if order != OrderByType && order != OrderByName {
		return fmt.Errorf("write csv: unknown order %d", int(order))
	}
	snap.sort(order)
	out := csv.NewWriter(w)
	out.UseCRLF = true
	rows := [][]string{{"Name", "Type", "Value", "Description"}}
	for _, t := range snap.Trackables {
		rows = append(rows, []string{plainCell(t.Name), typeNames[t.Kind], t.csvValue(), plainCell(t.Description)})
	}
	return mirrordb.Wrap("write csv", out.WriteAll(rows))
}

func (t *Trackable) csvValue() string {
	switch t.Kind {
	case otelusage.KindState:
		return plainCell(t.shownState())
	case otelusage.KindTimer:
		return formatFloat(t.Seconds)
	}
	return t.shownTotal()
}

func (t *Trackable) shownState() string {
	if t.State == otelusage.NoState {
		return noState
	}
	return t.State
}

// shownTotal is exact: whole numbers stay whole.
func (t *Trackable) shownTotal() string {
	if t.Total.Kind() == series.KindInt64 {
		return strconv.FormatInt(t.Total.Int64(), 10)
	}
	return formatFloat(t.Total.Float64())
}

// lineBreaks: the csv writer makes CRLF of a line feed and drops a lone
// carriage return, which would join what it parts.
var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// formulaStarts is what begins a formula in one spreadsheet or another, the
// full-width signs in East Asian versions.
const formulaStarts = "=+-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20"

// plainCell keeps a spreadsheet from running a text. Some ignore spaces before
// a formula.
func plainCell(text string) string {
	start := strings.TrimLeft(text, " ")
	text = lineBreaks.Replace(strings.ToValidUTF8(text, "\uFFFD"))
	if first, size := utf8.DecodeRuneInString(start); size > 0 && strings.ContainsRune(formulaStarts, first) {
		return "'" + text
	}
	return text
}

// formatFloat writes the shortest text that reads back as f, without an
// exponent for the numbers that people meet.
func formatFloat(f float64) string {
	if f == 0 {
		return "0" // never "-0"
	}
	format := byte('f')
	if size := math.Abs(f); size < 1e-6 || size >= 1e21 {
		format = 'g'
	}
	return strconv.FormatFloat(saturate.Float(f), format, -1, 64)
}
