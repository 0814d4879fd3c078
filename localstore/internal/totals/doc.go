// Package totals has the rows that everything counted comes to: resources, metrics
// and series, and for each series where its counts are.
//
// For every series, recorded = accepted + partial + in flight + pending + set aside +
// withheld; what is in flight stands in the parts of a batch, the others in its [Row].
// A [Book] remembers rows for as long as no other process writes.
package totals
