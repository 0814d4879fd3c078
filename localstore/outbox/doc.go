// Package outbox keeps what waits to be sent, is being sent and was sent. It is for
// exporters, which get an [Outbox] from localstore.Store.Outbox.
//
// [Outbox.Begin] returns a [Submission] when one is due: a sealed batch for a
// forwarder of deltas, or the totals for a forwarder of totals. Its parts are sent
// one after the other, and each gets an [Outcome]. A batch is settled before the
// next one is sealed. The sending process holds a lease; once it has run out,
// another process may take it over. An outcome is written in one transaction, which
// checks that batch and lease still match.
package outbox
