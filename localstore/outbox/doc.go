// Package outbox has what waits to be sent, is being sent and was sent: for
// exporters, which get it from localstore.Store.Outbox.
//
// [Outbox.Begin] gives a [Submission] when one is due: a batch that was sealed for a
// forwarder of deltas, or the totals for a forwarder of totals. Its parts are sent
// one after the other, each with an [Outcome] of its own, and a batch is settled
// before the next is sealed. Who sends holds a lease, which another process takes
// over when it has run out. What an outcome means is written in one transaction,
// where batch and lease still match.
package outbox
