package fleet

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/exposition"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// The limits that production.yaml has for the dates that are plotted.
const (
	datesBehind = 9600 * time.Hour
	datesAhead  = 48 * time.Hour
)

// Plotted returns the totals that Prometheus should show: all except the
// heartbeats of clocks that are far off.
func (t Totals) Plotted(now time.Time) Totals {
	plotted := maps.Clone(t)
	maps.DeleteFunc(plotted, func(s Series, _ Total) bool {
		if s.Metric != active {
			return false
		}
		text, _, _ := strings.Cut(strings.TrimPrefix(s.Attributes, "date="), ",")
		date, err := time.Parse(time.DateOnly, text)
		return err != nil || date.After(now.Add(datesAhead)) || date.Before(now.Add(-datesBehind))
	})
	return plotted
}

// shownAs are the names that Prometheus has for the metrics.
var shownAs = map[string]string{
	"searches_total": searches, "items": items, "distance_meters": distance,
	"units_changes_total": units + otelusage.ChangesSuffix, "units_occupancy": units + otelusage.OccupancySuffix,
	"session_seconds_sum": session, "session_seconds_count": session, "session_seconds_bucket": session,
	"export_total": export, "export_checkpoints_total": export + otelusage.CheckpointsSuffix,
	"otelusage_active_total": active,
}

// Shown reads totals from what the Collector shows to Prometheus. A metric that
// is not part of the simulation is an error.
func Shown(text []byte) (Totals, error) {
	samples, err := exposition.Parse(text)
	if err != nil {
		return nil, err
	}
	var known []exposition.Sample
	for _, s := range samples {
		if s.Name == "target_info" {
			continue
		}
		metric, ok := shownAs[s.Name]
		if !ok {
			return nil, fmt.Errorf("unknown metric: %s", s.Text())
		}
		if kind := shapes[metric].kind.String(); s.Labels["otelusage_kind"] != kind {
			return nil, fmt.Errorf("not of kind %s: %s", kind, s.Text())
		}
		known = append(known, s)
	}
	return added(known)
}

// ShownAs are the names that Prometheus has for the metrics, in order.
func ShownAs() []string { return slices.Sorted(maps.Keys(shownAs)) }

// ShownBesides is like Shown, but leaves out what is not part of the simulation:
// other metrics, and series with other labels.
func ShownBesides(samples []exposition.Sample) (Totals, error) {
	own := func(s exposition.Sample) bool {
		if _, ok := shownAs[s.Name]; !ok {
			return false
		}
		for label := range s.Labels {
			if !slices.Contains(ownLabels, label) && !strings.HasPrefix(label, "otel_scope_") {
				return false
			}
		}
		return true
	}
	return added(slices.DeleteFunc(slices.Clone(samples), func(s exposition.Sample) bool { return !own(s) }))
}

// ownLabels are those of the simulation's series, with those that a scrape adds.
var ownLabels = append([]string{"__name__", "job", "instance", "exported_job", "exported_instance", "le",
	"service_name", "service_version", "os_type", "otelusage_kind"}, attributeLabels...)

func added(samples []exposition.Sample) (Totals, error) {
	totals := make(Totals)
	for _, s := range samples {
		key := Series{s.Labels["service_name"], s.Labels["service_version"], shownAs[s.Name], attributesOf(s.Labels)}
		total := totals[key]
		switch {
		case strings.HasSuffix(s.Name, "_bucket"):
			bucket, err := bucketOf(s.Labels["le"])
			if err != nil {
				return nil, err
			}
			total.Buckets[bucket] += int64(s.Value)
		case strings.HasSuffix(s.Name, "_count"):
			total.Count += int64(s.Value)
		default:
			total.Sum += s.Value
		}
		totals[key] = total
	}
	for key, total := range totals {
		for i := buckets - 1; i > 0; i-- { // each bucket includes those below it
			total.Buckets[i] -= total.Buckets[i-1]
		}
		totals[key] = total
	}
	return totals, nil
}

var attributeLabels = []string{"checkpoint", "date", "period", "state", "via"}

func attributesOf(labels map[string]string) string {
	var pairs []pair
	for _, key := range attributeLabels {
		if labels[key] != "" {
			pairs = append(pairs, pair{key, labels[key]})
		}
	}
	return text(pairs)
}

func bucketOf(le string) (int, error) {
	f, err := strconv.ParseFloat(le, 64)
	if err != nil {
		return 0, fmt.Errorf("bucket: %w", err)
	}
	i, _ := slices.BinarySearch(boundaries, f)
	return i, nil
}

// Archived reads totals from the rows of sql/totals.sql.
func Archived(rows [][]string) (Totals, error) {
	totals := make(Totals)
	for i, row := range rows {
		if i == 0 {
			continue
		}
		sum, err := strconv.ParseFloat(row[5], 64)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
		count, err := strconv.ParseInt(row[6], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
		totals[Series{row[0], row[1], row[3], row[4]}] = Total{Sum: sum, Count: count}
	}
	return totals, nil
}

// WithoutBuckets omits the buckets, which the archive's totals do not have.
func (t Totals) WithoutBuckets() Totals {
	plain := make(Totals, len(t))
	for s, total := range t {
		plain[s] = Total{Sum: total.Sum, Count: total.Count}
	}
	return plain
}

// Compare returns how totals differ, or nil if they are equal. Whole numbers are
// compared exactly, float sums to 1e-9.
func Compare(got, want Totals) error {
	if err := Holds(got, want); err != nil {
		return err
	}
	for s, g := range got {
		if _, ok := want[s]; !ok && g != (Total{}) {
			return fmt.Errorf("%v is %v, want nothing", s, g)
		}
	}
	return nil
}

// Holds is like Compare, for the wanted series alone: others may be there.
func Holds(got, want Totals) error {
	for s, w := range want {
		g := got[s]
		if math.Abs(g.Sum-w.Sum) > 1e-9*math.Abs(w.Sum) || g.Count != w.Count || g.Buckets != w.Buckets {
			return fmt.Errorf("%v is %v, want %v", s, g, w)
		}
	}
	return nil
}
