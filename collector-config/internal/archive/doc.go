// Package archive reads the archives that the Collector's file exporter writes,
// adds them up as aggregator.yaml does, and keeps the sums of files that are
// full: a checkpoint each, from which a restarted aggregator reads instead.
package archive
