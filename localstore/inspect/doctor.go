package inspect

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/health"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

func (s *session) doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "check the mirror: schema, integrity, balance, sizes, consent",
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := most(0, c); err != nil {
				return err
			}
			return s.with(ctx, func(store *localstore.Store) error { return s.examine(ctx, store) })
		},
	}
}

func (s *session) examine(ctx context.Context, store *localstore.Store) error {
	h, err := store.Examine(ctx, nil)
	if err != nil {
		return err
	}
	if s.json {
		err = s.printJSON(healthDocument(h))
	} else {
		s.showHealth(h)
	}
	if err == nil && !h.Sound() {
		return errUnsound
	}
	return err
}

func (s *session) showHealth(h *health.Health) {
	s.line("%s", plain(h.Path))
	s.showDamage(h)
	s.line("")
	s.title("Consent")
	s.line("  mode %s, %s", h.Consent.Mode, sending(h.Consent))
	if !h.Consent.Since.IsZero() {
		s.line("  set %s", when(h.Consent.Since))
	}
	s.showForwarders(h)
	s.showBalances(h)
	s.showSizes(h)
	s.line("")
	last := "nothing was recorded yet"
	if !h.RecordedAt.IsZero() {
		last = "last recorded " + ago(h.At, h.RecordedAt)
	}
	s.note("As of %s UTC, %s.", when(h.At), last)
}

func (s *session) showDamage(h *health.Health) {
	s.line("schema %d, journal %s", h.Schema, plain(h.Journal))
	if len(h.Damage) == 0 {
		s.line("integrity ok")
	}
	for _, d := range h.Damage {
		s.line("DAMAGED: %s", plain(d))
	}
	for _, path := range h.SetAside {
		s.line("damaged mirror set aside: %s", plain(path))
	}
	if h.ErasePending {
		s.line("erased content may still be in the file; the next start of the application overwrites it")
	}
	if h.Retractions > 0 {
		s.line("states of an erased installation must still be taken back at the destination: %s, see preview", plural(h.Retractions, "request"))
	}
}

func (s *session) showForwarders(h *health.Health) {
	if len(h.Forwarders) == 0 {
		return
	}
	s.line("")
	s.title("Submissions")
	rows := make([][]string, len(h.Forwarders))
	for i, f := range h.Forwarders {
		retry := ""
		if f.RetryAt.After(h.At) {
			retry = when(f.RetryAt)
		}
		rows[i] = []string{plain(string(f.Forwarder)), count(f.Accepted), when(f.AcceptedAt), nonzero(f.Failures), retry}
	}
	s.table([]string{"FORWARDER", "ACCEPTED", "LAST", "FAILURES", "RETRIES AFTER"}, rows)
}

// showBalances shows where the counts of every series are. For histograms it
// shows the count; the check also covers buckets and sums.
func (s *session) showBalances(h *health.Health) {
	s.line("")
	s.title("Balance: recorded = accepted + partial + in flight + pending + set aside + withheld")
	if len(h.Balances) == 0 {
		s.line("  nothing is recorded")
		return
	}
	rows := make([][]string, len(h.Balances))
	off := 0
	var total health.Balance
	for i, b := range h.Balances {
		verdict := ""
		if b.Off != "" {
			off++
			verdict = "OFF: " + plain(b.Off)
		}
		rows[i] = []string{plain(b.Name), attributesOf(b.Attributes), counted(b.Recorded), some(b.Accepted), some(b.Partial),
			some(b.InFlight), some(b.Pending), some(b.SetAside), some(b.Withheld), verdict}
		addBalance(&total, b)
	}
	rows = append(rows, []string{"all series", "", value(total.Recorded), some(total.Accepted), some(total.Partial),
		some(total.InFlight), some(total.Pending), some(total.SetAside), some(total.Withheld), ""})
	s.table([]string{"METRIC", "ATTRIBUTES", "RECORDED", "ACCEPTED", "PARTIAL", "IN FLIGHT", "PENDING", "SET ASIDE", "WITHHELD", "CHECK"}, rows)
	if off == 0 {
		s.line("  it is correct for %s", strings.Replace(plural(int64(len(h.Balances)), "serie"), "1 serie", "1 series", 1))
		return
	}
	s.line("  IT IS WRONG for %d of %d series", off, len(h.Balances))
}

// addBalance adds up series: numbers by value, histograms by count.
func addBalance(total *health.Balance, b health.Balance) {
	into := []*series.Value{&total.Recorded, &total.Accepted, &total.Partial, &total.InFlight, &total.Pending, &total.SetAside, &total.Withheld}
	for i, v := range []series.Value{b.Recorded, b.Accepted, b.Partial, b.InFlight, b.Pending, b.SetAside, b.Withheld} {
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

func (s *session) showSizes(h *health.Health) {
	s.line("")
	s.title("Sizes")
	s.line("  database %s, of which %s free; log %s", bytesOf(h.Size), bytesOf(h.Free), bytesOf(h.Log))
	rows := make([][]string, len(h.Tables))
	for i, t := range h.Tables {
		rows[i] = []string{t.Name, count(t.Rows)}
	}
	s.table([]string{"TABLE", "ROWS"}, rows)
}

// healthDocument is the report as JSON.
func healthDocument(h *health.Health) any {
	type balance struct {
		Metric     string       `json:"metric"`
		Attributes string       `json:"attributes"`
		Resource   string       `json:"resource"`
		Recorded   series.Value `json:"recorded"`
		Accepted   series.Value `json:"accepted"`
		Partial    series.Value `json:"partial"`
		InFlight   series.Value `json:"in_flight"`
		Pending    series.Value `json:"pending"`
		SetAside   series.Value `json:"set_aside"`
		Withheld   series.Value `json:"withheld"`
		Off        string       `json:"off"`
	}
	type forwarder struct {
		Forwarder outbox.Forwarder `json:"forwarder"`
		Accepted  int64            `json:"accepted"`
		Last      *time.Time       `json:"last"`
		Failures  int64            `json:"failures"`
		RetryAt   *time.Time       `json:"retry_at"`
	}
	document := struct {
		At           time.Time        `json:"at"`
		Path         string           `json:"path"`
		Sound        bool             `json:"sound"`
		Schema       int64            `json:"schema"`
		Journal      string           `json:"journal"`
		Damage       []string         `json:"damage"`
		SetAside     []string         `json:"set_aside"`
		ErasePending bool             `json:"erase_pending"`
		Retractions  int64            `json:"retractions"`
		Recorded     *time.Time       `json:"recorded"`
		Consent      consentDocument  `json:"consent"`
		Forwarders   []forwarder      `json:"forwarders"`
		Balances     []balance        `json:"balances"`
		Rows         map[string]int64 `json:"rows"`
		Size         int64            `json:"size"`
		Log          int64            `json:"log"`
		Free         int64            `json:"free"`
	}{
		h.At, h.Path, h.Sound(), h.Schema, h.Journal, append([]string{}, h.Damage...), append([]string{}, h.SetAside...),
		h.ErasePending, h.Retractions, nullable(h.RecordedAt), newConsentDocument(h.Consent), []forwarder{}, []balance{}, make(map[string]int64), h.Size, h.Log, h.Free,
	}
	for _, f := range h.Forwarders {
		document.Forwarders = append(document.Forwarders, forwarder{f.Forwarder, f.Accepted, nullable(f.AcceptedAt), f.Failures, nullable(f.RetryAt)})
	}
	for _, b := range h.Balances {
		document.Balances = append(document.Balances, balance{b.Name, b.Attributes, b.Resource, b.Recorded, b.Accepted, b.Partial,
			b.InFlight, b.Pending, b.SetAside, b.Withheld, b.Off})
	}
	for _, t := range h.Tables {
		document.Rows[t.Name] = t.Rows
	}
	return document
}

// nullable is null in JSON for never.
func nullable(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
