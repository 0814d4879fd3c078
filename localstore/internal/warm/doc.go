// Package warm keeps a cache beside a mirror, usage.db.warm, which says what a start
// would read from the database. It knows nothing of what the cache says.
//
// # Validity
//
// A cache is never older than the mirror. [Write] is called while the mirror's write
// lock is held, and so is [Retire], which every transaction that writes calls before
// it commits: while somebody changes the mirror there is no cache, and whoever is
// killed there leaves none. After that the cache still needs its stamp ([Stamp]): how
// the files of the database look once its writer has closed them. A file that was
// brought back from a backup, or written by something that knows no cache, looks
// different. [Read] refuses a cache whose stamp does not match.
//
// A reader that has to know that nothing was decided since it read asks [IsCurrent].
//
// # Format
//
// The file is written in place, so that no freed block keeps what it said:
//
//	0    header: magic, format, length, nonce of this cache, checksums
//	64   stamp: nonce, size and time of the database, of its log, and the file's identity
//	128  content
//
// The header is written last, and taken away first. Whatever is read while it is
// written fails its checksum.
package warm
