package linking

import (
	"maps"
	"strings"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Arrived adds up the searches, states and requests for deletion in everything that
// arrived, as who removes nothing does.
func (r *Result) Arrived() (map[string]int64, error) {
	return sumsOf(r.Requests, func(string) bool { return true })
}

// Kept adds up what an archive keeps: each request once, without the streams that
// asked for deletion.
func (r *Result) Kept() (map[string]int64, error) {
	var once []Request
	seen, asked := make(map[string]bool), make(map[string]bool)
	for _, request := range r.Requests {
		if seen[string(request.Body)] {
			continue
		}
		seen[string(request.Body)] = true
		once = append(once, request)
		var stream string
		sums, err := sumsOf([]Request{request}, func(s string) bool { stream = s; return true })
		if err != nil {
			return nil, err
		}
		if sums["erased"] > 0 {
			asked[stream] = true
		}
	}
	sums, err := sumsOf(once, func(stream string) bool { return !asked[stream] })
	if err == nil && len(asked) > 0 {
		sums["erased"] = int64(len(asked))
	}
	return sums, err
}

func sumsOf(requests []Request, chosen func(stream string) bool) (map[string]int64, error) {
	sums := make(map[string]int64)
	for _, r := range requests {
		message := new(colmetricpb.ExportMetricsServiceRequest)
		if err := proto.Unmarshal(r.Body, message); err != nil {
			return nil, err
		}
		for _, rm := range message.ResourceMetrics {
			if !chosen(texts(rm.Resource.Attributes)["service.instance.id"]) {
				continue
			}
			for _, sm := range rm.ScopeMetrics {
				for _, m := range sm.Metrics {
					for _, p := range m.GetSum().GetDataPoints() {
						switch {
						case m.Name == "searches":
							sums["searches"] += p.GetAsInt()
						case strings.HasSuffix(m.Name, otelusage.OccupancySuffix):
							sums["in "+texts(p.Attributes)["state"]] += p.GetAsInt()
						case m.Name == "otelusage.erased":
							sums["erased"] += p.GetAsInt()
						}
					}
				}
			}
		}
	}
	maps.DeleteFunc(sums, func(_ string, n int64) bool { return n == 0 })
	return sums, nil
}
