package show

import (
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/health"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// Health shows what an examination found.
func Health(s *terminal.Printer, h *health.Health) {
	s.Line("%s", terminal.Plain(h.Path))
	damage(s, h)
	s.Line("")
	s.Title("Consent")
	s.Line("  mode %s, %s", h.Consent.Mode, Sending(h.Consent))
	if !h.Consent.Since.IsZero() {
		s.Line("  set %s", terminal.When(h.Consent.Since))
	}
	forwarders(s, h)
	balances(s, h)
	journals(s, h)
	sizes(s, h)
	s.Line("")
	last := "nothing was recorded yet"
	if !h.RecordedAt.IsZero() {
		last = "last recorded " + terminal.Ago(h.At, h.RecordedAt)
	}
	s.Note("As of %s UTC, %s.", terminal.When(h.At), last)
}

func damage(s *terminal.Printer, h *health.Health) {
	s.Line("schema %d, journal %s", h.Schema, terminal.Plain(h.Journal))
	if len(h.Damage) == 0 {
		s.Line("integrity ok")
	}
	for _, d := range h.Damage {
		s.Line("DAMAGED: %s", terminal.Plain(d))
	}
	for _, path := range h.SetAside {
		s.Line("damaged mirror set aside: %s", terminal.Plain(path))
	}
	if h.ErasePending {
		s.Line("erased content may still be in the file; the next start of the application overwrites it")
	}
	if h.Retractions > 0 {
		s.Line("the destination must still delete what an erased installation sent: %s, see preview", terminal.Plural(h.Retractions, "request"))
	}
}

func forwarders(s *terminal.Printer, h *health.Health) {
	if len(h.Forwarders) == 0 {
		return
	}
	s.Line("")
	s.Title("Submissions")
	rows := make([][]string, len(h.Forwarders))
	for i, f := range h.Forwarders {
		retry := ""
		if f.RetryAt.After(h.At) {
			retry = terminal.When(f.RetryAt)
		}
		rows[i] = []string{terminal.Plain(string(f.Forwarder)), terminal.Count(f.Accepted), terminal.When(f.AcceptedAt), terminal.Nonzero(f.Failures), retry}
	}
	s.Table([]string{"FORWARDER", "ACCEPTED", "LAST", "FAILURES", "RETRIES AFTER"}, rows)
}

// balances shows where the counts of every series are. For histograms it
// shows the count; the check also covers buckets and sums.
func balances(s *terminal.Printer, h *health.Health) {
	s.Line("")
	s.Title("Balance: recorded = accepted + partial + in flight + pending + set aside + withheld")
	if len(h.Balances) == 0 {
		s.Line("  nothing is recorded")
		return
	}
	rows := make([][]string, len(h.Balances))
	off := 0
	var total health.Balance
	for i, b := range h.Balances {
		verdict := ""
		if b.Off != "" {
			off++
			verdict = "OFF: " + terminal.Plain(b.Off)
		}
		rows[i] = []string{terminal.Plain(b.Name), Attributes(b.Attributes), Counted(b.Recorded), Some(b.Accepted), Some(b.Partial),
			Some(b.InFlight), Some(b.Pending), Some(b.SetAside), Some(b.Withheld), Some(b.Unrecorded), verdict}
		addBalance(&total, b)
	}
	rows = append(rows, []string{"all series", "", terminal.Value(total.Recorded), Some(total.Accepted), Some(total.Partial),
		Some(total.InFlight), Some(total.Pending), Some(total.SetAside), Some(total.Withheld), Some(total.Unrecorded), ""})
	s.Table([]string{"METRIC", "ATTRIBUTES", "RECORDED", "ACCEPTED", "PARTIAL", "IN FLIGHT", "PENDING", "SET ASIDE", "WITHHELD", "UNRECORDED", "CHECK"}, rows)
	if off == 0 {
		s.Line("  it is correct for %s", strings.Replace(terminal.Plural(int64(len(h.Balances)), "serie"), "1 serie", "1 series", 1))
		return
	}
	s.Line("  IT IS WRONG for %d of %d series", off, len(h.Balances))
}

// addBalance adds up series: numbers by value, histograms by count.
func addBalance(total *health.Balance, b health.Balance) {
	into := []*series.Value{&total.Recorded, &total.Accepted, &total.Partial, &total.InFlight, &total.Pending, &total.SetAside, &total.Withheld, &total.Unrecorded}
	for i, v := range []series.Value{b.Recorded, b.Accepted, b.Partial, b.InFlight, b.Pending, b.SetAside, b.Withheld, b.Unrecorded} {
		sum := snapshot.Amount{Value: *into[i]}.Plus(snapshot.Amount{Value: scalar(v)})
		*into[i] = sum.Value
	}
}

func scalar(v series.Value) series.Value {
	switch {
	case v.Histogram() != nil:
		return series.Int64Value(int64(v.Histogram().Count))
	case v.Exponential() != nil:
		return series.Int64Value(int64(v.Exponential().Count))
	}
	return v
}

func sizes(s *terminal.Printer, h *health.Health) {
	s.Line("")
	s.Title("Sizes")
	s.Line("  database %s, of which %s free; log %s", terminal.BytesOf(h.Size), terminal.BytesOf(h.Free), terminal.BytesOf(h.Log))
	rows := make([][]string, len(h.Tables))
	for i, t := range h.Tables {
		rows[i] = []string{t.Name, terminal.Count(t.Rows)}
	}
	s.Table([]string{"TABLE", "ROWS"}, rows)
}
