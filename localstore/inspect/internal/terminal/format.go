package terminal

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

const (
	timeLayout   = "2006-01-02 15:04:05"
	MinuteLayout = "2006-01-02 15:04"
)

const Day = 24 * time.Hour

// When shows a time in UTC, like the mirror.
func When(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.UTC().Format(timeLayout)
}

// Ago shows how long before now something was, in the largest unit.
func Ago(now, at time.Time) string {
	d := now.Sub(at)
	switch {
	case d < time.Second:
		return "just now"
	case d < time.Minute:
		d = d.Truncate(time.Second)
	case d < time.Hour:
		d = d.Truncate(time.Minute)
	case d < Day:
		d = d.Truncate(time.Hour)
	default:
		d = d.Truncate(Day)
	}
	return otelusage.FormatDuration(d) + " ago"
}

// Seconds shows a duration: below an hour in milliseconds, below a second with
// three digits.
func Seconds(s float64) string {
	size := math.Abs(s)
	if math.IsNaN(s) || size > math.MaxInt64/float64(time.Second)/2 || size < time.Nanosecond.Seconds() && s != 0 {
		return Number(s) + " seconds"
	}
	d := time.Duration(math.Round(s * float64(time.Second)))
	unit := time.Millisecond
	switch {
	case size >= 3600:
		unit = time.Second
	case size < 1:
		unit = 1
		for d.Abs()/unit >= 1000 {
			unit *= 10
		}
	}
	return otelusage.FormatDuration(d.Round(unit))
}

// Number shows a float with six significant digits, or more if it has more before
// the point.
func Number(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', 6, 64)
}

// Value shows a number; whole numbers exactly.
func Value(v series.Value) string {
	if text := v.String(); !strings.ContainsAny(text, ".eE{") {
		return text
	}
	return Number(v.Float64())
}

// Signed shows a difference, or "" for zero.
func Signed(v series.Value) string {
	switch text := Value(v); {
	case v.IsZero():
		return ""
	case text[0] == '-':
		return text
	default:
		return "+" + text
	}
}

func Count(n int64) string { return strconv.FormatInt(n, 10) }

// Nonzero is Count, but "" for zero.
func Nonzero(n int64) string {
	if n == 0 {
		return ""
	}
	return Count(n)
}

// ShownState shows the current state of a State.
func ShownState(state string) string {
	if state == otelusage.NoState {
		return "(none)"
	}
	return Plain(state)
}

// StateOf shows the state of a State, and marks it if it is the initial one because
// none was set.
func StateOf(t *snapshot.Trackable) string {
	if t.Default {
		return ShownState(t.State) + " (default)"
	}
	return ShownState(t.State)
}

// BytesOf shows a size in a suitable unit.
func BytesOf(n int64) string {
	switch {
	case n >= 1<<20:
		return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MiB"
	case n >= 1<<10:
		return strconv.FormatFloat(float64(n)/(1<<10), 'f', 1, 64) + " KiB"
	}
	return Count(n) + " B"
}

// Plural returns a count with its noun.
func Plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

// Bar draws a fraction of the greatest value. A value above zero is always visible.
func Bar(n, most uint64) string {
	const width = 24
	if n == 0 || most == 0 {
		return ""
	}
	return strings.Repeat("█", max(1, int(float64(n)/float64(most)*width)))
}
