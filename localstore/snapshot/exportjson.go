package snapshot

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// jsonFormat and jsonVersion tell readers what they have. A version adds
// members and never takes one away.
const (
	jsonFormat  = "otelusage-mirror"
	jsonVersion = 1
)

// WriteJSON writes all that is recorded as one JSON object, UTF-8, without HTML
// escapes, an element of a list per line:
//
//	format, version         "otelusage-mirror", 1
//	exported                when
//	mirror                  {id, created, installation_id}
//	consent                 {mode, sending, should_ask, reason, since}
//	statistics              [{name, description, unit, declared, changed, unrecorded, float, monotonic, value, exports, average, series}]
//	states                  [{name, description, unit, declared, changed, unrecorded, state, default, changes, history: [{at, state}], series}]
//	timers                  [{name, description, unit, declared, changed, unrecorded, runs, total_seconds, average_seconds, series}]
//	sequences               [{name, description, unit, declared, changed, unrecorded, checkpoints, completions, funnel: [{checkpoint, hits}], series}]
//	metrics                 [series], of what belongs to no trackable
//	submissions             [{id, forwarder, batch, part, first, last, times, outcome, status, points, rejected, reason}]
//
// A series is one stream of numbers:
//
//	scope, metric, type     of the instrument; type is sum, gauge, histogram or exponential_histogram
//	unit, attributes, resource
//	recorded                in all: the sum of the six that follow
//	pending, in_flight, withheld, accepted, partial, set_aside
//	                        (what was imported from the Python library counts as accepted)
//	unrecorded              beyond recorded: what processes counted since, and keep in journals
//	value                   of a gauge, in place of these eight
//	exports, updated        how many recordings changed it, and when the last one did
//	days                    [{date, value, count}], running totals at the end of UTC days that are over
//	history                 [{at, value, count}], running totals after the latest recordings
//
// The value of a histogram is {count, sum, boundaries, buckets}, with one bucket
// more than boundaries, or the members of an exponential histogram of the
// OpenTelemetry data model; in days and history its sum, with count beside it.
//
// Times are ISO 8601 in UTC, null for never. A state is null for none; default, which is true
// or left out, says that it is the initial one and none was ever set. Whole
// numbers are exact over all of int64: a reader that takes them for floats
// loses digits above 2^53.
//
// The value of a trackable includes what is unrecorded, and its member of that name
// says how much that is: a number, of a Timer {runs, total_seconds}. Days, history and
// exports are of what is recorded alone.
//
// It writes what was counted by one moment; declarations that wait to be
// written are included, with declared null. An error of w is returned, wrapped.
// Nothing is locked while w is written to, and what the file held is in memory
// meanwhile. No context ends what it reads: that of [Reader.Snapshot] does, whose
// result writes the same.
func (rd *Reader) WriteJSON(w io.Writer) error {
	snap, err := rd.snapshot(sqlitedb.Background, Query{Days: true, History: true, Submissions: true}, true)
	if err != nil {
		return fmt.Errorf("write json: %w", err)
	}
	return snap.WriteJSON(w)
}

// WriteJSON writes the snapshot as [Reader.WriteJSON] does. Lists that the query
// did not ask for are empty.
func (snap *Snapshot) WriteJSON(w io.Writer) error {
	if snap == nil {
		return mirrordb.ErrNotOpen
	}
	out := &jsonWriter{w: bufio.NewWriter(w)}
	out.text("{\n")
	out.member("format", jsonFormat)
	out.member("version", jsonVersion)
	out.member("exported", moment(snap.At))
	out.member("mirror", jsonMirror{snap.MirrorID, moment(snap.CreatedAt), snap.InstallationID})
	out.member("consent", jsonConsentOf(snap.Consent))
	writeMembers(out, "statistics", snap.Of(otelusage.KindStatistic), jsonStatisticOf)
	writeMembers(out, "states", snap.Of(otelusage.KindState), jsonStateOf)
	writeMembers(out, "timers", snap.Of(otelusage.KindTimer), jsonTimerOf)
	writeMembers(out, "sequences", snap.Of(otelusage.KindSequence), jsonSequenceOf)
	writeMembers(out, "metrics", snap.Others, jsonSeriesOf)
	writeMembers(out, "submissions", snap.Submissions, jsonSubmissionOf)
	return mirrordb.Wrap("write json", out.end())
}

// jsonWriter writes an object member by member, so that its text is never in
// memory as a whole. The first error stays.
type jsonWriter struct {
	w       *bufio.Writer
	members int
	err     error
}

// end closes the object and hands it over.
func (j *jsonWriter) end() error {
	j.text("\n}\n")
	if j.err == nil {
		j.err = j.w.Flush()
	}
	return j.err
}

func (j *jsonWriter) text(s string) {
	if j.err == nil {
		_, j.err = j.w.WriteString(s)
	}
}

func (j *jsonWriter) value(v any) {
	if j.err != nil {
		return
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if j.err = e.Encode(v); j.err == nil {
		j.text(strings.TrimSuffix(b.String(), "\n"))
	}
}

func (j *jsonWriter) name(name string) {
	if j.members++; j.members > 1 {
		j.text(",\n")
	}
	j.text(`  "` + name + `": `)
}

func (j *jsonWriter) member(name string, v any) {
	j.name(name)
	j.value(v)
}

// writeMembers writes a list; element makes each one as it is written.
func writeMembers[T, E any](j *jsonWriter, name string, list []T, element func(T) E) {
	j.name(name)
	j.text("[")
	for i, x := range list {
		if i > 0 {
			j.text(",")
		}
		j.text("\n    ")
		j.value(element(x))
	}
	if len(list) > 0 {
		j.text("\n  ")
	}
	j.text("]")
}
