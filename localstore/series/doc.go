// Package series has the words that a mirror and what writes to it or sends from
// it share: values and histograms, what a series of points is told apart by, and
// the parts that a request carries. It knows no SQL.
package series
