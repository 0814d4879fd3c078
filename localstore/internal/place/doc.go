// Package place knows the files at a mirror's path and beside it: which of them
// may be a mirror, who could have written them, and how they are made, moved and
// removed.
//
// A file is trusted that this user or root owns, that not every user can write,
// and that lies in a directory where strangers cannot replace it. Whatever is no
// regular file is left alone, and opened by nobody: opening a pipe may wait for
// ever.
//
// On Windows an open file keeps its name ([OpenKeepsName]): it can be neither
// renamed nor removed, and what holds it for a moment is waited for
// ([Patiently]).
package place
