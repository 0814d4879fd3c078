// Package batch makes what a submission consists of from the rows of a mirror: a
// batch that is sealed, the totals that are shared with a forwarder of totals, and
// what takes states back after an erasure.
//
// A sealed part holds everything that is sent: it is sent again point for point,
// whatever the running process knows. Intervals of batches follow each other
// without a gap or an overlap, whatever clocks do.
package batch
