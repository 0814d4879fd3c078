package snapshot

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/consent"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/batch"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Preview is what the next submission would send.
type Preview struct {
	At        time.Time
	Forwarder outbox.Forwarder
	Consent   consent.Consent // may keep it from being sent
	Batch     int64           // of a delta submission that was sealed and rests, else 0
	Parts     []*series.Part  // one per request, in the order in which they are sent

	// Retractions are requests that go before Parts: what erasures left to be
	// taken back under the old ids. See [outbox.Outbox.BeginRetraction].
	Retractions []*series.Part
}

// Preview returns exactly what the next submission of a forwarder would send: a
// batch as it was sealed, if one is under way, else what sealing now would give,
// to which only its end and the numbers of batch and parts are added then. Of
// the request its Forwarder, Merge and Resource count; without a Resource,
// merged totals stand under the one that was recorded last. What waits in journals
// is sent once it is recorded.
//
// It changes nothing, works on a Store opened with localstore.ReadOnly, reads one
// state of the file, whatever other processes write meanwhile, and ends with ctx.
func (rd *Reader) Preview(ctx context.Context, r outbox.Request) (*Preview, error) {
	if rd.missing() {
		return nil, mirrordb.ErrNotOpen
	}
	var p *Preview
	err := rd.db.Look(ctx, func(tx *mirrordb.Tx) error {
		err := schema.RefuseLong(tx.Conn, schema.LongTexts(), schema.LongAttributes())
		if err != nil {
			return err
		}
		p = &Preview{At: time.Unix(0, tx.Now).UTC(), Forwarder: r.Forwarder, Consent: rd.db.ConsentOf(&tx.Header)}
		if r.Forwarder == outbox.Cumulative {
			p.Parts, err = previewTotals(tx, r)
			return err
		}
		p.Forwarder = outbox.Delta
		if p.Retractions, err = batch.ReadRetractions(tx); err != nil {
			return err
		}
		p.Batch, p.Parts, err = previewBatch(tx)
		return err
	})
	return p, mirrordb.Wrap("preview submission", err)
}

// WritePreview writes what the next submission to a delta forwarder would send
// as [Preview.WriteJSON] does.
func (rd *Reader) WritePreview(ctx context.Context, w io.Writer) error {
	p, err := rd.Preview(ctx, outbox.Request{Forwarder: outbox.Delta})
	if err != nil {
		return err
	}
	return p.WriteJSON(w)
}

// previewBatch returns the open batch, or what sealing now would make.
func previewBatch(tx *mirrordb.Tx) (id int64, parts []*series.Part, err error) {
	if id, err = batch.Open(tx); err != nil {
		return 0, nil, err
	}
	if id != 0 {
		parts, err = sealedParts(tx, id)
		return id, parts, err
	}
	parts, err = batch.Preview(tx)
	return 0, parts, err
}

func sealedParts(tx *mirrordb.Tx, id int64) (parts []*series.Part, err error) {
	ids, err := tx.List(batch.NextParts, id)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		long, err := tx.Find(`SELECT octet_length(payload) > ?2 FROM parts WHERE id = ?1`, id, schema.MaxPayload)
		if err == nil && long != 0 {
			err = fmt.Errorf("part %d: %w", id, schema.ErrTooLong)
		}
		if err != nil {
			return nil, err
		}
		row, err := batch.ReadPart(tx, id)
		if err != nil {
			return nil, err
		}
		part, err := batch.PartOf(row.Payload, id, id)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

func previewTotals(tx *mirrordb.Tx, r outbox.Request) (parts []*series.Part, err error) {
	if !r.Merge {
		parts, _, err = batch.SharedTotals(tx)
		return parts, err
	}
	if r.Resource.Len() == 0 {
		if r.Resource, err = latestResource(tx); err != nil {
			return nil, err
		}
	}
	parts, _, err = batch.MergedTotals(tx, r.Resource)
	return parts, err
}

// latestResource returns the resource under which was recorded last.
func latestResource(tx *mirrordb.Tx) (set attribute.Set, err error) {
	err = tx.Each(`SELECT r.attributes FROM totals o JOIN series s ON s.id = o.series_id JOIN resources r ON r.id = s.resource_id
		WHERE r.attributes NOT IN ('`+totals.ImportedAttributes+`', '`+mirrordb.FormerAttributes+`') ORDER BY o.updated_at DESC, r.id DESC LIMIT 1`,
		func(rows *sql.Rows) error {
			var text string
			err := rows.Scan(&text)
			if err == nil {
				set, err = series.DecodeAttributes(text)
			}
			return err
		})
	return set, mirrordb.Wrap("read resource", err)
}

// previewFormat and previewVersion tell readers what they have, as jsonFormat
// does.
const (
	previewFormat  = "otelusage-preview"
	previewVersion = 1
)

// WriteJSON writes the preview as one JSON object, UTF-8, without HTML escapes:
//
//	format, version   "otelusage-preview", 1
//	at                when it was made
//	forwarder         "delta" or "cumulative"
//	sending, reason   whether it may be sent, and why, see [consent.Circumstances]
//	retractions       what erasures left to be taken back, like parts and before them
//	batch             of a submission that is under way, else null
//	parts             [{id, batch, start, end, resource, scopes}], one per request
//
// A scope is {name, version, schema_url, attributes, metrics}, a metric {name,
// unit, description, type, monotonic, points}, a point {attributes, value}, with
// values as [Reader.WriteJSON] shows them.
func (p *Preview) WriteJSON(w io.Writer) error {
	if p == nil {
		return mirrordb.ErrNotOpen
	}
	out := &jsonWriter{w: bufio.NewWriter(w)}
	out.text("{\n")
	out.member("format", previewFormat)
	out.member("version", previewVersion)
	out.member("at", moment(p.At))
	out.member("forwarder", p.Forwarder)
	out.member("sending", p.Consent.Sending)
	out.member("reason", p.Consent.Reason)
	writeMembers(out, "retractions", p.Retractions, jsonPartOf)
	out.member("batch", jsonID(p.Batch))
	writeMembers(out, "parts", p.Parts, jsonPartOf)
	return mirrordb.Wrap("write preview", out.end())
}
