// Package recovery records what waits in the journals of processes that died.
//
// Whoever records does it, at its start and once per record interval: it claims
// each journal whose process has ended, records in the dead writer's name what that
// counted beyond the mirror, and empties the journal. The writer's number, which the
// transaction writes, decides what was recorded: killed anywhere, repeated, or done
// by two processes at once, nothing is lost and nothing counted twice.
//
// What a dead process counted may be sent only if that process was allowed to when
// it last looked, the mirror allows it now, and nobody decided anything in between.
// What this process itself may send does not matter: it counts for the dead one. What
// was counted before an erasure, or while recording was switched off, is dropped.
package recovery
