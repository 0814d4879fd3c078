package totals

import (
	"unicode/utf8"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"go.opentelemetry.io/otel/attribute"
)

// What is longer than a bound of longtext.go counts as damage when it is read
// again. Nothing of that length is written, whatever an application declares: its
// own mirror would be set aside at the next start.

// Bounded cuts a text, at a character.
func Bounded(s string) string {
	if len(s) <= schema.MaxText {
		return s
	}
	end := schema.MaxText
	for end > schema.MaxText-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// BoundedAttributes is [series.EncodeAttributes], and leaves out the longest
// attributes until the text fits.
func BoundedAttributes(set attribute.Set) string {
	text := series.EncodeAttributes(set)
	for len(text) > schema.MaxText {
		set = withoutLongest(set)
		text = series.EncodeAttributes(set)
	}
	return text
}

func withoutLongest(set attribute.Set) attribute.Set {
	longest, most := attribute.Key(""), -1
	for i := range set.Len() {
		kv, _ := set.Get(i)
		if n := len(series.EncodeAttributes(attribute.NewSet(kv))); n > most {
			longest, most = kv.Key, n
		}
	}
	rest, _ := set.Filter(func(kv attribute.KeyValue) bool { return kv.Key != longest })
	return rest
}

// SeriesAttributes is EncodeAttributes for a series: one that does not fit joins
// the overflow series of its metric, as those beyond the mirror's bound do.
func SeriesAttributes(set attribute.Set) string {
	if text := series.EncodeAttributes(set); len(text) <= schema.MaxText {
		return text
	}
	return OverflowAttributes
}
