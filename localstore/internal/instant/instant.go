// Package instant keeps times within what a mirror and OTLP can tell.
package instant

import "time"

// The times that a mirror knows, in nanoseconds since 1970. OTLP has none
// before, where 0 means no time, and the nanoseconds of none after 2262-04-11
// fit an int64: beyond that a receiver is told of intervals that it drops. A
// clock further off is taken for one that goes round near the nearer end, so
// that intervals pass all the same. The end leaves room for what follows it.
var (
	earliest = time.Unix(0, 1).UTC()
	latest   = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)

	// LastEnd is the end of the latest interval that a mirror can have come
	// to with such clocks.
	LastEnd = latest.Add(60 * 24 * time.Hour).UnixNano()
)

// ClampTime returns the nearest time that a mirror knows.
func ClampTime(at time.Time) time.Time {
	switch {
	case at.Before(earliest):
		return earliest
	case at.After(latest):
		return latest
	}
	return at
}

// Clock returns a clock that never tells a time that a mirror does not know.
func Clock(now func() time.Time) func() time.Time {
	return func() time.Time {
		at := now()
		near := ClampTime(at)
		if near.Equal(at) {
			return at
		}
		seconds := (at.Unix()%round + round) % round
		return near.Add(time.Duration(seconds)*time.Second + time.Duration(at.Nanosecond()))
	}
}

// round is after how many seconds a clock that is too far off begins again. One
// that goes back is nothing special.
const round = 30 * SecondsPerDay

// Clamp makes a time of the file one that a mirror knows: files that
// former versions wrote by a wrong clock hold others. 0 is never.
func Clamp(at int64) int64 {
	switch {
	case at < 0:
		return earliest.UnixNano()
	case at > LastEnd:
		return latest.UnixNano()
	}
	return at
}

// Time returns a time of the file, where 0 is never.
func Time(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.Unix(0, at).UTC()
}

// A day, in the units that the mirror keeps times in and that it says "today" by.
const (
	NanosecondsPerDay = int64(24 * time.Hour)
	SecondsPerDay     = int64(24 * time.Hour / time.Second)
)

// Day returns the UTC day of a time, in days since 1970.
func Day(at int64) int64 {
	day := at / NanosecondsPerDay
	if at%NanosecondsPerDay < 0 {
		day--
	}
	return day
}

// StartOfDay returns the time at which the UTC day of a time begins.
func StartOfDay(at int64) int64 { return Day(at) * NanosecondsPerDay }
