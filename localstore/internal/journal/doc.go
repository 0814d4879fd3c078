// Package journal keeps what a process counts in a file ([journalfile] has its format), so that it survives every
// end of the process short of a power loss: os.Exit, a panic in another goroutine,
// SIGKILL, the kernel's out-of-memory killer. It knows nothing of the mirror but its
// path and the numbers under which a writer's recordings are signed in it.
//
// # Life of a journal
//
// A mirror has a pool of [journalpool.Size] names, usage.db.journal-00 to -ff. A process that
// records takes the first one that is free ([Take]) and holds a lock on it for as
// long as it lives. So a file without a lock in which something waits belongs to a
// process that died, and whoever records recovers it ([Claim]). A process that ends
// well leaves its file empty, for the next run ([Journal.Close]). Where no journal
// can be had the process counts in memory, as one that was never asked to keep any:
// each failure is an error, never a signal, a panic or a wait.
//
// # Inheritance
//
// A short run that opened no mirror leaves its file as it is, whether it ended well
// ([Journal.Leave]) or was killed. The next one goes on with it as an heir, if it counts
// under the same decisions ([Config.Inherit], [journalfile.Content.MayBeInherited]): under
// the former run's nonce, writer's id and bases, it adds what it found in a slot to what it
// counts itself. To every reader the file is that of one process which counted all of it.
// What was inherited is the first thing that an heir records ([Journal.Inherited]); what it
// counted itself is then beyond a base, as ever. Until that recording began there is only tag 0; before it,
// an heir asks the mirror whether the writer has a number there all the same. Each heir
// numbers itself in the first page and takes away the note that the journal was left, in
// one write, so that a file is as it was found if it has the same first page.
//
// Moves of a State are not inherited, because of two journals with moves of one State that
// holds whose process began last. An heir that moves one writes its own beginning into
// the file first.
//
// The file is written by WriteAt alone and never mapped: a write to a full disk can
// fail, where a mapped page ends the process. It is not synced, because what is
// written outlives the process in the kernel's memory. Only an erasure is.
//
// # Writing through
//
// A [Slot] is the place of a series. Beside each cell, or in it, is a [Gate]. While
// that is armed the next change calls [Slot.Changed], which writes the value at
// once: about 2 µs. [Budget] such writes a second are made by the calls that change
// something; beyond that, and where another write takes long, a flusher writes all
// that changed within [FlushWithin]. Its goroutine exists only while something
// waits. Whoever writes arms the gate first and reads the value then, so that a
// change which the write misses calls for the next one.
//
// # Handshake
//
// What a journal holds beyond the mirror is, of each series, its value less the base
// that the mirror has. Each series has two bases with the number of the recording
// they are for, and the header has two tags. A recording of number N+1 is
//
//  1. [Journal.Begin]: the tag of N-1 is zeroed, all values that changed and those
//     that the recording changes are written, then a base for N+1 in place of the
//     older one, of the series that the recording changes alone, and last the tag of
//     N+1: no base is ever ahead of its value;
//  2. the mirror's transaction, which writes N+1 into the writer's row;
//  3. [Journal.Settle].
//
// The row alone decides ([Content.Holding]): the base of a series is the newest one
// that is not newer than the row's number. Killed before the transaction the row says
// N, and the bases of N are all there; killed after it, those of N+1. Where the row
// has neither number, the first tag after it holds: a mirror that was brought back
// from a backup, or a recording that was made while the journal could not be written.
// Then something may be lost, and nothing is counted twice. Without a row nothing was
// recorded, which tag 0 says, or the row was purged, and the newest tag holds.
// Whoever purges rows spares those of journals that exist.
//
// Recovery is a recording in the dead writer's name: [Content.Differences], then
// [Claimed.Begin], the transaction with the number that it returned, and
// [Claimed.Empty]. It may be killed anywhere and repeated. The tag's [Observation]
// says under which decisions the counts were made.
//
// # Decisions and erasures
//
// [Supersede] marks every journal. An owner sees the mark at its next recording or
// its start ([Journal.Superseded]) and takes it away before it reads what was decided
// ([Journal.Acknowledge]); nothing else does. [Erase] overwrites the journals of the
// dead and marks those of the living, which [Journal.Renew] overwrites: no byte of a
// name, an attribute or a state of the time before is left then. Renewing drops
// nothing that counts: until it is done everything in the file was counted before the
// owner knew of the erasure, and goes with it.
//
// # Caveats
//
// A child that is forked without starting a program of its own, as a library of
// another language may, inherits the lock: its parent's journal is recovered when
// both have ended. It does not write. Over NFS a lock may end while its owner is cut
// off; that one finds at its next recording that its file was taken over, and goes on
// in another. A file system without locks has no journals. A write is whole as long as
// its source is in memory: a process that is swapped out while it is killed may leave
// a value that its checksum refuses.
package journal
