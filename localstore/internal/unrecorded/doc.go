// Package unrecorded tells what the journals of a mirror hold beyond it: what
// processes counted since they last recorded, and what those that died left. It
// writes nothing, neither into the mirror nor into a journal.
//
// The journals are read first and the mirror then, in one state of it. What is
// recorded in between, by its owner or by a recovery, is in the mirror by then: the
// number of the recording, which the journal does not have, says so. In the other
// order a journal that is recovered in between would be in neither.
//
// What is to be added is what a recovery would record, by the same rule: [RestOf].
package unrecorded
