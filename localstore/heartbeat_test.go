package localstore

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
)

// Three processes with clocks of their own, each of which jumps by days and
// months, count each period once.
func TestAPeriodCountsOnceWhateverTheClocks(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 3))
	path := newPath(t)
	var clocks [3]*clock
	var writers [3]*recording.Writer
	var stores [3]*Store
	for i := range stores {
		clocks[i] = newClock()
		stores[i] = open(t, path, clocks[i])
		writers[i] = newWriter(t, stores[i])
	}
	jumps := []time.Duration{0, day, -day, 31 * day, -31 * day, 59 * day, -59 * day}
	sent := make(map[string]int64)
	for range 150 {
		i := random.IntN(len(stores))
		at := clocks[i].now().Add(jumps[random.IntN(len(jumps))])
		if ahead := at.Sub(newClock().now()); ahead > 200*day || ahead < -200*day {
			at = newClock().now()
		}
		clocks[i].set(at)
		record(t, writers[i], add(statistic(version("1"), "n"), 1))
		if random.IntN(3) > 0 {
			continue
		}
		for _, p := range submit(t, stores[i]) {
			for key, v := range points(p) {
				sent[key] += v.Int64()
			}
		}
	}
	delete(sent, "n{}")
	for key, n := range sent {
		if n != 1 {
			t.Errorf("%s was counted %d times", key, n)
		}
	}
}

// Dates far ahead neither make those of today forgotten nor grow without bound.
func TestRememberedDatesAreBounded(t *testing.T) {
	s, c := fresh(t)
	w, n := newWriter(t, s), statistic(version("1"), "n")
	record(t, w, add(n, 1))
	submit(t, s)
	for i := range recording.KeepDates + 5 {
		execute(t, s, `INSERT OR IGNORE INTO active (period, date) VALUES ('day', ?1)`, fmt.Sprintf("2261-%04d", i))
	}
	for range 3 {
		c.add(-day)
		record(t, w, add(n, 1))
		c.add(day)
		record(t, w, add(n, 1))
		for _, p := range submit(t, s) {
			for key := range points(p) {
				if key != "n{}" {
					t.Errorf("%s was counted with none of its time remembered", key)
				}
			}
		}
	}
	c.set(time.Date(2261, 12, 31, 0, 0, 0, 0, time.UTC))
	record(t, w, add(n, 1))
	expect(t, s, fmt.Sprint(recording.KeepDates), `SELECT count(*) FROM active WHERE period = 'day'`)
}
