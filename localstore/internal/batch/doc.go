// Package batch makes what is sent from the rows of a mirror: sealed batches, the
// totals for a forwarder of totals, and the tombstones that take states back after
// an erasure.
//
// A sealed part holds everything that is sent, so that it is resent unchanged by
// any process and version. The intervals of batches under the same ids follow each
// other without a gap or an overlap, whatever clocks do. An unlinkable batch has an id
// of its own and a whole hour.
package batch
