// Package journal keeps what a process counts in a file, so that it survives every
// end of the process short of a power loss.
package journal
