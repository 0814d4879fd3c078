// Package schema is what a mirror consists of: its tables and views, the mark by
// which a file of ours is known, the migrations, and what may stand in a cell.
//
// A migration only adds, so that a process of an older version can go on until it
// notices. A text that is longer than any this package writes came from elsewhere,
// and is neither loaded nor shown whole.
package schema
