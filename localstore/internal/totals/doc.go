// Package totals keeps the rows of resources, metrics and series, and for each
// series where its counts are.
//
// For every series, recorded = accepted + partial + in flight + pending + set aside
// + withheld; what is in flight stands in the parts of a batch, the others in its
// [Row]. A [Book] remembers rows as long as no other process writes. The caller of
// its methods holds the mirror's lock.
package totals
