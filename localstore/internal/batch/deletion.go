package batch

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// ErasedName is the metric by which an erased installation asks for the deletion of
// what it sent: a sum of 1 under the ids that it had.
const ErasedName = otelusage.ReservedPrefix + "erased"

// serviceName is the only other attribute that a deletion request has: receivers
// choose by it.
const serviceName = attribute.Key("service.name")

// deletion returns the request for an erasure, nil where no batch carries the
// present ids, and where nobody could tell which batches are meant.
func (b *Builder) deletion() (*Payload, error) {
	if b.Identity.Unlinkable || !b.Identity.Sealed {
		return nil, nil
	}
	resource, err := b.tx.Find(`SELECT r.id FROM resources r LEFT JOIN parts p ON p.resource_id = r.id
		WHERE r.attributes NOT IN ('` + totals.ImportedAttributes + `', '` + mirrordb.FormerAttributes + `')
		ORDER BY p.id DESC NULLS LAST, r.id DESC LIMIT 1`)
	if err != nil || resource == 0 {
		return nil, mirrordb.Wrap("find resource", err)
	}
	text, err := totals.ResourceText(b.tx, resource)
	if err != nil {
		return nil, err
	}
	set, err := series.DecodeAttributes(text)
	if err != nil {
		return nil, fmt.Errorf("request deletion: %w", err)
	}
	named, _ := set.Filter(attribute.NewAllowKeysFilter(serviceName))
	p := &Payload{Points: []Point{{
		Metric: &Metric{
			ScopeName: otelusage.ScopeName, ScopeVersion: otelusage.Version,
			ScopeAttributes: json.RawMessage(series.EncodeAttributes(attribute.NewSet(otelusage.KindKey.String(otelusage.KindStatistic.String())))),
			Name:            ErasedName, Unit: "{installation}", Type: series.TypeSum, Monotonic: true,
			Description: "Installations that were erased, and ask for the deletion of what they sent.",
		},
		Attributes: json.RawMessage(totals.NoAttributes), Value: json.RawMessage("1"),
	}}}
	p.Start, p.End = NextInterval(b.tx)
	return p, p.stamp(b.Identity.IDs, series.EncodeAttributes(named))
}

// RequestsDeletion reports whether the text of a payload is a request for deletion.
func RequestsDeletion(payload string) bool {
	return len(payload) < schema.MaxPayload && strings.Contains(payload, `"name":"`+ErasedName+`"`)
}
