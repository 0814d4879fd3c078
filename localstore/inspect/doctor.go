package inspect

import (
	"context"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/health"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/show"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

func (s *session) doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "check the mirror: schema, integrity, balance, journals, sizes, consent",
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
		err = s.PrintJSON(healthDocument(h))
	} else {
		show.Health(s.Printer, h)
	}
	if err == nil && !h.Sound() {
		return errUnsound
	}
	return err
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
		Unrecorded series.Value `json:"unrecorded"`
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
		At           time.Time         `json:"at"`
		Path         string            `json:"path"`
		Sound        bool              `json:"sound"`
		Schema       int64             `json:"schema"`
		Journal      string            `json:"journal"`
		Damage       []string          `json:"damage"`
		SetAside     []string          `json:"set_aside"`
		ErasePending bool              `json:"erase_pending"`
		Retractions  int64             `json:"retractions"`
		Recorded     *time.Time        `json:"recorded"`
		Consent      consentDocument   `json:"consent"`
		Forwarders   []forwarder       `json:"forwarders"`
		Balances     []balance         `json:"balances"`
		Journals     []journalDocument `json:"journals"`
		Empty        int               `json:"empty_journals"`
		Rows         map[string]int64  `json:"rows"`
		Size         int64             `json:"size"`
		Log          int64             `json:"log"`
		Free         int64             `json:"free"`
	}{
		h.At, h.Path, h.Sound(), h.Schema, h.Journal, append([]string{}, h.Damage...), append([]string{}, h.SetAside...),
		h.ErasePending, h.Retractions, terminal.Nullable(h.RecordedAt), newConsentDocument(h.Consent), []forwarder{}, []balance{}, journalDocuments(h.Journals), h.EmptyJournals, make(map[string]int64), h.Size, h.Log, h.Free,
	}
	for _, f := range h.Forwarders {
		document.Forwarders = append(document.Forwarders, forwarder{f.Forwarder, f.Accepted, terminal.Nullable(f.AcceptedAt), f.Failures, terminal.Nullable(f.RetryAt)})
	}
	for _, b := range h.Balances {
		document.Balances = append(document.Balances, balance{b.Name, b.Attributes, b.Resource, b.Recorded, b.Accepted, b.Partial,
			b.InFlight, b.Pending, b.SetAside, b.Withheld, b.Unrecorded, b.Off})
	}
	for _, t := range h.Tables {
		document.Rows[t.Name] = t.Rows
	}
	return document
}

// journalDocument is a journal as JSON.
type journalDocument struct {
	Path       string     `json:"path"`
	Standing   string     `json:"standing"`
	PID        int64      `json:"pid"` // 0 where it cannot be read
	Since      *time.Time `json:"since"`
	Superseded bool       `json:"superseded"`
	Series     int        `json:"series"`
	Unrecorded int        `json:"unrecorded"` // of how many series it holds more than the mirror
	Fate       string     `json:"fate"`
	Damage     []string   `json:"damage"`
	Error      string     `json:"error"`
}

func journalDocuments(journals []health.Journal) []journalDocument {
	list := []journalDocument{}
	for _, j := range journals {
		d := journalDocument{j.Path, j.Standing.String(), j.PID, terminal.Nullable(j.Started), j.Superseded, j.Series, j.Unrecorded, j.Fate.String(), append([]string{}, j.Damage...), ""}
		if j.Err != nil {
			d.Error = j.Err.Error()
		}
		list = append(list, d)
	}
	return list
}
