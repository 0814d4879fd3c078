package linking

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// window is how far back an attacker looks for the batch before: a fifth of all
// batches at most, so that the table is made in seconds.
const window = 10 * 24 * time.Hour

// Clue is what an attacker goes by.
type Clue struct {
	Name string

	// weights say how much each of the signs counts. Of several the best one counts:
	// the attacker has found out what to trust how much.
	weights []signs
}

// signs say how well a batch may be an earlier one of the same installation.
type signs [6]float64

const (
	byIDs = iota
	byIntervals
	byOrder
	bySize
	byValues
	byArrivals
)

// The names of clues, from nothing to all of it.
const (
	Nothing   = "nothing: a guess"
	IDs       = "ids"
	Intervals = "times of the intervals"
	Order     = "order of the series, descriptions"
	Size      = "size"
	Values    = "values"
	Requests  = "values and all else in the requests"
	Arrival   = "times of arrival"
	All       = "all of it"
)

// Clues are what attackers go by.
func Clues() []Clue {
	values := []signs{{byValues: 1}}
	requests := add(values, 0.1, byIDs, byIntervals, byOrder, bySize)
	return []Clue{
		{Nothing, []signs{{}}}, {IDs, []signs{{byIDs: 1}}}, {Intervals, []signs{{byIntervals: 1}}}, {Order, []signs{{byOrder: 1}}},
		{Size, []signs{{bySize: 1}}}, {Values, values}, {Requests, requests},
		{Arrival, []signs{{byArrivals: 1}}}, {All, add(requests, 0.3, byArrivals)},
	}
}

// add counts more signs, not at all, a little and fully.
func add(to []signs, little float64, more ...int) (all []signs) {
	for _, weights := range to {
		for _, weight := range []float64{0, little, 1} {
			for _, sign := range more {
				weights[sign] = weight
			}
			all = append(all, weights)
		}
	}
	return all
}

// signsOf are the signs between two batches.
func signsOf(a, b *batch) signs {
	return signs{ids(a, b), times(a, b), order(a, b), size(a, b), values(a, b), arrival(a, b)}
}

// score weighs signs.
func (s signs) score(weights signs) (sum float64) {
	for i, weight := range weights {
		sum += weight * s[i]
	}
	return sum
}

// ids are the same or not.
func ids(a, b *batch) (score float64) {
	if a.installation != "" && a.installation == b.installation {
		score += 1000
	}
	if a.stream == b.stream {
		score += 1000
	}
	return score
}

// times are those of the intervals: one follows another, they have one start, or
// they share the moment within a minute at which a program looks whether something is
// due.
func times(a, b *batch) (score float64) {
	switch {
	case a.end == b.start && a.end%uint64(time.Hour) != 0:
		score = 1000
	case a.start == b.start:
		score = 500
	}
	return score + 10*near(between(a.end, b.end, time.Minute), 100*time.Millisecond)
}

// order compares the order of the series that both have, and what describes them.
func order(a, b *batch) float64 {
	var places []int // in b, by the order in a
	for _, series := range a.series {
		if place, both := b.order[series]; both {
			places = append(places, place)
		}
	}
	same, all := 0, len(places)*(len(places)-1)/2
	for i, place := range places {
		for _, later := range places[i+1:] {
			if place < later {
				same++
			}
		}
	}
	if all == 0 {
		return 0
	}
	return 20 * float64(same-all) / float64(all)
}

func size(a, b *batch) float64 {
	return -math.Abs(math.Log(float64(a.size) / float64(b.size)))
}

// arrival compares when in a day, and when in a minute, they came.
func arrival(a, b *batch) float64 {
	x, y := uint64(a.arrived.UnixNano()), uint64(b.arrived.UnixNano())
	return 3*near(between(x, y, 24*time.Hour), time.Minute) + 2*near(between(x, y, 24*time.Hour), 2*time.Hour) +
		3*near(between(x, y, time.Minute), 100*time.Millisecond)
}

// between is how far two moments are apart within a period.
func between(x, y uint64, period time.Duration) time.Duration {
	d := time.Duration((max(x, y) - min(x, y)) % uint64(period))
	return min(d, period-d)
}

// near is 1 for nothing, and falls with a distance.
func near(d, scale time.Duration) float64 { return math.Exp(-float64(d) / float64(scale)) }

// values are what the counts say: versions only rise, a state is left from where it
// was, one is active once a day, week and month, and habits stay.
func values(a, b *batch) (score float64) {
	switch {
	case a.version > b.version:
		score -= 50
	case a.version < b.version:
		score -= 3
	}
	before := b.state
	if b.left != "" {
		before = b.left
	}
	if a.state != before {
		score -= 4
	}
	for period, date := range b.beats {
		if earlier := a.beats[period]; earlier != "" && earlier >= date {
			score -= 10 // both were the first of the same period
		}
	}
	score -= math.Abs(math.Log((1 + a.total()) / (1 + b.total())))
	for way, n := range b.searches {
		score += 2 * math.Sqrt(n*a.searches[way]) / max(1, math.Sqrt(a.total()*b.total()))
	}
	return score
}

// Hits says how often an attacker is right.
type Hits struct {
	Batches int     // that have one before
	Right   float64 // of them: the best guess is of the same installation
}

// Share is the share of them.
func (h Hits) Share() float64 { return h.Right / float64(max(h.Batches, 1)) }

// Deviation is how far a share is off by chance, once.
func (h Hits) Deviation() float64 {
	p := h.Share()
	return math.Sqrt(p*(1-p)/float64(max(h.Batches, 1))) + 1/float64(max(h.Batches, 1))
}

// Found is how often attackers are right, by clue: with all batches, and with those
// alone that are the first of their installation under other ids.
type Found struct{ All, First map[string]Hits }

// Attack guesses, for each batch, one before that is the same installation's. Of
// guesses that are equally good each counts as much.
func Attack(r *Result) (Found, error) {
	found := Found{make(map[string]Hits), make(map[string]Hits)}
	all, err := read(r.Requests)
	if err != nil {
		return found, err
	}
	slices.SortStableFunc(all, byArrival)
	clues := Clues()
	tallies := make([][]tally, len(clues))
	for i, clue := range clues {
		tallies[i] = newTally(clue)
	}
	known := make(map[string]bool)
	for i, b := range all {
		fresh := !known[b.stream]
		known[b.stream] = true
		from := i
		for from > 0 && b.arrived.Sub(all[from-1].arrived) < window {
			from--
		}
		candidates := all[from:i]
		if !slices.ContainsFunc(candidates, func(a *batch) bool { return a.owner == b.owner }) {
			continue
		}
		seen := make([]signs, len(candidates))
		for j, a := range candidates {
			seen[j] = signsOf(a, b)
		}
		for _, t := range tallies {
			for k := range t {
				t[k].count(guess(t[k].weights, seen, candidates, b), fresh)
			}
		}
	}
	for i, clue := range clues {
		all, first := tallies[i][0].all, tallies[i][0].first
		for _, t := range tallies[i] {
			if t.all.Right > all.Right {
				all = t.all
			}
			if t.first.Right > first.Right {
				first = t.first
			}
		}
		found.All[clue.Name], found.First[clue.Name] = all, first
	}
	return found, nil
}

// tally counts the hits of one way to weigh.
type tally struct {
	weights    signs
	all, first Hits
}

func newTally(c Clue) (list []tally) {
	for _, weights := range c.weights {
		list = append(list, tally{weights: weights})
	}
	return list
}

func (t *tally) count(right float64, fresh bool) {
	t.all.Batches, t.all.Right = t.all.Batches+1, t.all.Right+right
	if fresh {
		t.first.Batches, t.first.Right = t.first.Batches+1, t.first.Right+right
	}
}

// guess returns how probably the best guess is right.
func guess(weights signs, seen []signs, candidates []*batch, b *batch) float64 {
	best, right, equal := math.Inf(-1), 0, 0
	for i, a := range candidates {
		n := seen[i].score(weights)
		if n > best {
			best, right, equal = n, 0, 0
		}
		if n == best {
			equal++
			if a.owner == b.owner {
				right++
			}
		}
	}
	return float64(right) / float64(equal)
}

// WriteTable writes the shares as a table, a column for each way to send.
func WriteTable(w io.Writer, ways []string, hits []map[string]Hits) error {
	line := "| the attacker goes by |"
	rule := "| --- |"
	for i, way := range ways {
		line += fmt.Sprintf(" %s: of %d batches |", way, hits[i][Nothing].Batches)
		rule += " --- |"
	}
	if _, err := fmt.Fprintf(w, "%s\n%s\n", line, rule); err != nil {
		return err
	}
	for _, clue := range Clues() {
		line := "| " + clue.Name + " |"
		for i := range ways {
			h := hits[i][clue.Name]
			line += fmt.Sprintf(" %.0f, %.1f %% |", h.Right, 100*h.Share())
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
