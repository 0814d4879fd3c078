// Package journalfile knows what the file of a journal looks like, how it is opened and
// locked, and reads it. Package journal writes it.
//
// # Format, version 1
//
// Numbers are little-endian. Pages have 4,096 bytes. Each checksum is a CRC-32C of
// what follows it in its block, begun with a hash of the run's nonce and the block's
// offset: bytes of an earlier run, or copied from elsewhere, are never taken for this
// run's. The first page:
//
//	offset  bytes
//	     0     64  "OTUjrnl\n", version u32, CRC-32C of these 12 bytes u32, zeros
//	    64      8  the mark: anything but zeros says superseded
//	   128    192  the run: checksum u32, zeros u32, nonce u64, pid u64, start in
//	               nanoseconds since 1970 u64, lengths of the two ids u8 u8, zeros, at
//	               36 the number of processes that went on with it u32,
//	               mirror's id at 40 (64), writer's id at 104 (64); zeros where the
//	               file is empty
//	   512     56  the tag of even numbers: checksum u32, 1 u32, number u64, epoch
//	               i64, erasures i64, flags u64 (1 may send, 2 off, 4 left), identities
//	               written so far u64, when the decision beside the mirror was
//	               written i64; zeros where it was taken back
//	   576     56  the tag of odd numbers
//
// The first 128 bytes are the same in every version. A file of a newer version is
// left alone, and reported, unless everything is erased.
//
// Behind the first page lie extents of whole pages, of values, bases or identities.
// They are made as they are needed and zeroed when they are, which also makes room on
// the disk: the first ones have 4, 8 and 16 KiB, further ones 64 KiB. A file that was
// longer than 256 KiB is cut when it is emptied. Where the disk has no room for more,
// series without a place are not kept until a recording finds room; the others are.
//
//	value     checksum u32, length u32, payload; crosses no page, and is written in
//	          one call, whole or not at all when the process dies
//	base      checksum u32, length u32, number of the recording u64, payload; two
//	          of them side by side or, where they have no room in one page, a page
//	          apart; zeros where there is none
//	payload   whole number: i64. Float: f64. Histogram: count u64, sum f64, buckets
//	          u64 each. State: changes i64, length u64, 1,024 bytes for the text; as a
//	          base: changes i64
//
// An extent of identities begins with a checksum u32, "OTUc", its size u64 and 16
// bytes of zeros. Its records are aligned to 8 bytes. One that has no room in a page
// begins with the next:
//
//	record    checksum u32, "OTUr", type u8 and ordinal u24, length u32, parent u64,
//	          payload
//	resource  1: attributes
//	metric    2, parent is the offset of its resource: scope name, version, schema
//	          URL, attributes; name, unit, description, type; monotonic, float; number
//	          of boundaries and each as f64
//	series    3, parent is the offset of its metric: kind (1 whole number, 2 float, 3
//	          histogram, 4 state), buckets, offset of the value, offset of the bases,
//	          attributes
//
// Texts have their length before them, numbers and lengths are varints; attributes
// are the JSON of localstore/series. A record is written after its value and its base,
// so that one that can be read has both.
//
// # Damage
//
// What a checksum does not confirm is not counted. A damaged value or base costs its
// series; a damaged identity its series, its metric or all of its resource; a damaged
// tag the recording that it is of; a damaged run the file. Behind a damaged record the
// reader goes on at the next one, and the ordinals tell how many are missing.
// [Content.Damage] says so in words.
package journalfile
