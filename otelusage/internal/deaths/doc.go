// Package deaths holds the tests of whole programs that die: whatever ends a process
// short of a power loss, the next one that records finds what it counted, once. The
// programs are this package's test binary, started again.
package deaths
