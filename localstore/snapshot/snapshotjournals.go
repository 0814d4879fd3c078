package snapshot

import "strings"

// addUnrecorded adds what only journals know of. What they hold of a series that the
// mirror has is added where that is read.
func (r *snapshotReader) addUnrecorded() error {
	for id, d := range r.beyond.Trackables {
		if t := (&Trackable{Declaration: d, Hits: make(map[string]int64)}); r.asksFor(d.Name) {
			r.trackables[id], r.Trackables = t, append(r.Trackables, t)
		}
	}
	for _, s := range r.beyond.Series {
		if s.ID > 0 {
			continue
		}
		zero := s.Metric.Zero()
		x := &SeriesCounts{Metric: *s.Metric, Role: s.Role, Attributes: s.Attributes, Resource: s.Resource,
			Recorded: zero, Pending: zero, InFlight: zero, Withheld: zero, Accepted: zero, Partial: zero, SetAside: zero, Unrecorded: s.Value}
		if t := r.trackables[s.Trackable]; t != nil {
			if err := t.count(x); err != nil {
				return err
			}
		} else if s.Trackable == 0 && r.asksFor(s.Metric.Name) {
			r.Others = append(r.Others, x)
		}
	}
	for _, s := range r.beyond.States {
		if t := r.trackables[s.Trackable]; t != nil {
			t.State, t.Default, t.ChangedAt = s.Text, false, r.At
		}
	}
	for _, t := range r.Trackables {
		if !t.Unrecorded.isZero() {
			t.ChangedAt = r.At
		}
	}
	return nil
}

func (r *snapshotReader) asksFor(name string) bool {
	return r.query.Name == "" || strings.EqualFold(r.query.Name, name)
}
