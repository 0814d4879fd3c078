// Package yearold makes mirrors that were in use for long, for tests and benchmarks:
// hourly runs of a command-line tool, as processes of this module make them, by a clock
// that need not wait.
package yearold
