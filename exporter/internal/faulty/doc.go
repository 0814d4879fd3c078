// Package faulty is the far end for tests: an OTLP receiver that keeps what a
// Collector's delta_to_cumulative keeps, and misbehaves on request.
package faulty
