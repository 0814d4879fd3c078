// Package peers measures usage tracking beside what others use to count, in one
// run. It is a module of its own, so that the peers are no dependencies of the
// project. In this directory:
//
//	go test -run '^$' -bench . -count 6 ./...
//
// On a machine that does other things too, compare best-ns/op.
//
// The peers are a bare atomic, OpenTelemetry's SDK, prometheus/client_golang and
// golang.org/x/telemetry/counter, which counts into a mapped file of the user's as
// the go command does. The directories below are the programs of BenchmarkProcess.
// Nothing is sent.
package peers
