// Package lazy lets a start do without the database. Whoever closes a mirror writes
// what the next starts need of it into a cache beside it ([warm] has the file): what
// was decided, what is known of trackables, whether a submission is due. A start that
// finds the cache valid, and nothing else to do, leaves the mirror asleep.
//
// # What a start takes from the cache
//
// Nothing that the mirror would not say at that moment. The cache is gone as soon as
// anybody changes the mirror. What processes left in journals since is added, as a
// recovery would add it; where that is not certain, the mirror is opened. So it is
// for the first start of a day, for one an hour after the cache was written, and
// where more than [MostWaiting] journals wait. These are seldom more than run at a time:
// a start goes on with one that an earlier run left. What a living process inherited so
// is added, too, with what that counted itself until now.
package lazy
