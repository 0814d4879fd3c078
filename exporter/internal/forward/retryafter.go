package forward

import (
	"net/http"
	"strings"
	"time"
)

// MaxRetryAfter is the longest wait that a destination is granted.
const MaxRetryAfter = 24 * time.Hour

// retryAfter reads the Retry-After header of RFC 9110, section 10.2.3: a number
// of seconds or a date. The result is between 0 and MaxRetryAfter; 0 stands
// for none, garbage, negative numbers and dates gone by. A date counts from
// the Date of the same answer where there is one, so that a local clock that
// is wrong by years changes nothing.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if strings.Trim(v, "0123456789") == "" {
		return seconds(v)
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), MaxRetryAfter)
}

// seconds reads decimal digits, however many there are.
func seconds(digits string) time.Duration {
	var d time.Duration
	for _, c := range []byte(digits) {
		d = d*10 + time.Duration(c-'0')*time.Second
		if d >= MaxRetryAfter {
			return MaxRetryAfter
		}
	}
	return d
}
