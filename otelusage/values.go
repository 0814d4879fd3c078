package otelusage

import "github.com/anonymoususage/anonymoususage-go/otelusage/internal/peek"

func init() {
	peek.Values = func(tracker any) map[string]string {
		values := make(map[string]string)
		if t, ok := tracker.(*Tracker); ok && t != nil {
			for _, tr := range t.sorted() {
				tr.values(func(label, value string) { values[label] = value })
			}
		}
		return values
	}
}
