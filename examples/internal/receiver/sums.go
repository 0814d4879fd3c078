package receiver

// Series identifies a sum.
type Series struct{ Metric, Attributes string }

// Sums adds up the deltas of all requests per metric and attributes: what a
// backend shows for the installations that send to it. Each sum spans from the
// first interval's start to the last one's end.
func (r *Receiver) Sums() map[Series]Point {
	sums := make(map[Series]Point)
	for _, p := range r.Points() {
		if p.Temporality != delta {
			continue
		}
		key := Series{p.Metric, p.Attributes}
		if sum, ok := sums[key]; ok {
			p.Int += sum.Int
			p.Float += sum.Float
			p.Count += sum.Count
			p.Start = sum.Start
		}
		sums[key] = p
	}
	return sums
}
