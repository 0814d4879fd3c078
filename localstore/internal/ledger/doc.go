// Package ledger remembers trackables across runs: it registers what is declared
// and returns the lifetime that earlier runs recorded.
//
// The first declaration of a start reads the file for all of them and writes
// nothing; new ones are written with the next transaction. The ledger's lock is
// taken while the mirror's lock is held, or alone; never the other way round, or
// two goroutines could wait for each other.
package ledger
