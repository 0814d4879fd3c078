// Package place knows the files at a mirror's path and beside it: which of them
// may be a mirror, who could have written them, and how they are made, moved and
// removed.
//
// A file is trusted if this user or root owns it, not every user can write it, and
// strangers cannot replace it in its directory. What is no regular file is never
// opened or changed: opening a pipe may wait for ever.
//
// On Windows an open file keeps its name ([OpenKeepsName]): it can be neither
// renamed nor removed, and what holds it for a moment is waited for
// ([Patiently]).
package place
