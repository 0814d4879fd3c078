package batch

import (
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// Preview returns the parts that sealing now would make, and changes nothing.
func Preview(tx *mirrordb.Tx) (parts []*series.Part, err error) {
	b, err := NewBuilder(tx)
	if err == nil {
		err = b.Collect()
	}
	if err != nil {
		return nil, err
	}
	start, end := b.Identity.interval(tx)
	payloads, err := b.stamped(b.Identity.ids(), start, end)
	if err != nil {
		return nil, err
	}
	for _, p := range payloads {
		// By way of its text, as a sealed part is read: that puts the points
		// of one metric together.
		text, err := p.Encode()
		if err != nil {
			return nil, err
		}
		part, err := PartOf(text, 0, 0)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}
