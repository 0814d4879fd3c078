package otelusage

import (
	"strconv"
	"strings"
	"time"
)

// FormatDuration returns d for people: "2 days 3 hours 5 seconds". Parts that
// are zero are left out, the seconds may have a fraction, and zero is
// "0 seconds". A year has 365 days, as in the Python library
// (anonymoususage 1.14).
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return "0 seconds"
	}
	sign, left := "", uint64(d)
	if d < 0 {
		sign, left = "-", -left
	}
	var parts []string
	for _, unit := range []struct {
		name string
		size uint64
	}{{"year", uint64(365 * 24 * time.Hour)}, {"day", uint64(24 * time.Hour)}, {"hour", uint64(time.Hour)}, {"minute", uint64(time.Minute)}} {
		if n := left / unit.size; n > 0 {
			parts = append(parts, plural(strconv.FormatUint(n, 10), unit.name))
			left %= unit.size
		}
	}
	if left > 0 {
		seconds := strconv.FormatUint(left/uint64(time.Second), 10)
		if fraction := left % uint64(time.Second); fraction > 0 {
			digits := strconv.FormatUint(uint64(time.Second)+fraction, 10)[1:]
			seconds += "." + strings.TrimRight(digits, "0")
		}
		parts = append(parts, plural(seconds, "second"))
	}
	return sign + strings.Join(parts, " ")
}

func plural(n, noun string) string {
	if n == "1" {
		return n + " " + noun
	}
	return n + " " + noun + "s"
}
