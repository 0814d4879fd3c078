package totals

import (
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// TestAttributesThatAreConstants are those that would be encoded.
func TestAttributesThatAreConstants(t *testing.T) {
	for text, set := range map[string]attribute.Set{
		NoAttributes: *attribute.EmptySet(), OverflowAttributes: attribute.NewSet(otelusage.OverflowKey.Bool(true)),
		ImportedAttributes:        ImportedResource(),
		mirrordb.FormerAttributes: attribute.NewSet(attribute.Bool(otelusage.ReservedPrefix+"former", true)),
	} {
		if want := series.EncodeAttributes(set); text != want {
			t.Errorf("%s, want %s", text, want)
		}
	}
}
