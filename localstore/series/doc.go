// Package series has the types that a mirror shares with exporters: values and
// histograms, what identifies a series, and the parts that requests carry. It
// contains no SQL.
package series
