package forward

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, tt := range []struct {
		value, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"0", "", 0},
		{" 5 ", "", 5 * time.Second},
		{"007", "", 7 * time.Second},
		{"-5", "", 0},
		{"+5", "", 0},
		{"1.5", "", 0},
		{"5s", "", 0},
		{"soon", "", 0},
		{"\u0665", "", 0},
		{"86399", "", 86399 * time.Second},
		{"86401", "", MaxRetryAfter},
		{"4294967296", "", MaxRetryAfter},
		{"1000000000000", "", MaxRetryAfter},
		{strings.Repeat("9", 1000), "", MaxRetryAfter},
		{at(time.Minute), "", time.Minute},
		{now.Add(time.Minute).Format(time.RFC850), "", time.Minute},
		{now.Add(time.Minute).Format(time.ANSIC), "", time.Minute},
		{at(-time.Minute), "", 0},
		{at(1000 * time.Hour), "", MaxRetryAfter},
		{"Fri, 31 Dec 9999 23:59:59 GMT", "", MaxRetryAfter},
		{"Mon, 01 Jan 0001 00:00:00 GMT", "", 0},
		// The clock is ten years off; the answer says what time it is.
		{at(10*365*24*time.Hour + time.Minute), at(10 * 365 * 24 * time.Hour), time.Minute},
		{at(time.Minute), "garbage", time.Minute},
	} {
		h := http.Header{"Retry-After": {tt.value}, "Date": {tt.date}}
		if got := retryAfter(h, now); got != tt.want {
			t.Errorf("Retry-After %.40q, Date %q: %v, want %v", tt.value, tt.date, got, tt.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "5", "-1", "1000000000000", "Fri, 31 Dec 9999 23:59:59 GMT", "soon"} {
		f.Add(s, "")
		f.Add(s, "Mon, 01 Jan 0001 00:00:00 GMT")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		got := retryAfter(http.Header{"Retry-After": {value}, "Date": {date}}, time.Unix(0, 0))
		if got < 0 || got > MaxRetryAfter {
			t.Errorf("%q, %q: %v", value, date, got)
		}
	})
}
