// Package fleet simulates installations: many of them, of two applications in
// several versions, over a month, with all four kinds of trackables and with
// realistic clocks. It sends what their exporters would send, and returns the
// totals of all of it.
package fleet

import (
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Config describes the simulation. Zero values mean the defaults.
type Config struct {
	Installations int
	Seed          uint64
	Until         time.Time     // the end of the month that is simulated; the start is Days before
	Days          int           // default 30
	Resend        float64       // share of the batches that are sent twice
	Hostile       float64       // share of the requests that are followed by one that must change nothing
	Senders       int           // requests at a time, default 8
	Timeout       time.Duration // of one request, default 30 s

	// Elsewhere returns where to send from then on, when a request got no answer or
	// another one than 200. It is sent until it is accepted, as installations do.
	// Without Elsewhere only a lack of memory is waited for; all else is an error.
	Elsewhere func() (url string)
}

func (c Config) withDefaults() Config {
	if c.Days == 0 {
		c.Days = 30
	}
	if c.Senders == 0 {
		c.Senders = 8
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	return c
}

// Series identifies a sum: a metric's points of one application and version
// with the same attributes, written a=b,c=d in order.
type Series struct{ Application, Version, Metric, Attributes string }

// Total is the sum of a series. A timer's Sum is in seconds.
type Total struct {
	Sum     float64
	Count   int64
	Buckets [buckets]int64
}

const buckets = 25

// Totals are the totals of many series.
type Totals map[Series]Total

func (t Totals) add(s Series, sum float64, histogram *observed) {
	total := t[s]
	total.Sum += sum
	if histogram != nil {
		total.Sum += histogram.sum
		for i, n := range histogram.buckets {
			total.Buckets[i] += int64(n)
			total.Count += int64(n)
		}
	}
	t[s] = total
}

// Merge adds others.
func (t Totals) Merge(others Totals) {
	for s, o := range others {
		total := t[s]
		total.Sum += o.Sum
		total.Count += o.Count
		for i, n := range o.Buckets {
			total.Buckets[i] += n
		}
		t[s] = total
	}
}

// Result is what was sent.
type Result struct {
	Requests, Resent, Hostile int
	Took                      time.Duration
	Sent                      Totals // every batch once
	Excess                    Totals // the batches that were sent again
	Secrets                   []string
}

// Total names of the metrics the installations send.
const (
	searches = "searches"
	items    = "items"
	distance = "distance"
	units    = "units"
	session  = "session"
	export   = "export"
	active   = otelusage.ReservedPrefix + "active"
)

var (
	applications = []string{"editor", "viewer"}
	versions     = []string{"1.0.0", "1.1.0", "2.0.0"}
	states       = []string{otelusage.NoState, "Metric", "US Standard"}
	checkpoints  = []string{"open", "choose", "save"}
)
