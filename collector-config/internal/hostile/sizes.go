package hostile

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
)

// sizes are attacks that take memory, disk or streams from others.
func sizes() []Attack {
	long := strings.Repeat("a", 90_000)
	return []Attack{
		{Name: "500,000 empty points in less than 1 MiB", Bodies: later(func() []*request {
			return []*request{like(statistics(counter("others", make([]*number, 500_000)...)))}
		})},
		{Name: "60,000 empty points in one metric", Rules: []string{`start_time_unix_nano < time`}, Bodies: later(func() []*request {
			return []*request{like(statistics(empty(60_000)))}
		})},
		{Name: "60,000 empty points in 40 metrics", Rules: []string{`start_time_unix_nano < time`}, Bodies: later(func() []*request {
			var metrics []*metric
			for range 40 {
				metrics = append(metrics, empty(1500))
			}
			return []*request{like(statistics(metrics...))}
		})},
		{Name: "5,000 points of one metric", Rules: []string{`Len(data_points) > 2000`}, Secret: "many.points", Bodies: later(func() []*request {
			var points []*number
			for range 4000 {
				points = append(points, whole(1))
			}
			return []*request{like(statistics(counter("many.points", points...)))}
		})},
		{Name: "20,000 empty metrics", Bodies: later(func() []*request {
			var metrics []*metric
			for range 20_000 {
				metrics = append(metrics, &metric{Name: "a"})
			}
			return []*request{like(statistics(metrics...))}
		})},
		{Name: "60,000 empty resources", Bodies: send(&request{ResourceMetrics: make([]*resource, 60_000)})},
		{Name: "30,000 points that an installation could send", Rules: []string{`max_request_body_size`}, Bodies: later(func() []*request {
			var metrics []*metric
			for i := range 30 {
				var points []*number
				for range 1000 {
					points = append(points, whole(1))
				}
				metrics = append(metrics, counter(fmt.Sprintf("many.%d", i), points...))
			}
			return []*request{like(statistics(metrics...))}
		})},
		{Name: "a name of 90 kB", Rules: []string{`not IsMatch(name, "^[A-Za-z]`}, Bodies: send(like(statistics(counter(long, whole(1)))))},
		{Name: "a name of 900 kB", Bodies: send(like(statistics(counter(strings.Repeat("a", 900_000), whole(1)))))},
		{Name: "a unit of 90 kB", Rules: []string{`not IsMatch(unit, `}, Bodies: send(like(statistics(sum("others", long, true, whole(1)))))},
		{Name: "a description of 90 kB", Rules: []string{`set(metric.description, "") where`}, Bodies: send(like(statistics(&metric{Name: "others", Description: long, Data: counter("", whole(1)).Data})))},
		{Name: "a key of 90 kB at a point", Rules: []string{`datapoint.attributes, "^$$|^.{101}|`}, Bodies: send(like(statistics(counter("others", whole(1, text(long, "x"))))))},
		{Name: "a key of 90 kB in a resource", Rules: []string{`resource.attributes, "^$$|^.{101}|`}, Bodies: send(with(append(editor(), text(long, "x")), statistics(counter("others", whole(1)))))},
		{Name: "a value of 90 kB at a point", Rules: []string{`truncate_all(datapoint`}, Bodies: send(like(statistics(counter("others", whole(1, text("a", long))))))},
		{Name: "a value of 90 kB in a resource", Rules: []string{`truncate_all(resource`}, Bodies: send(with(append(editor(), text("a", long)), statistics(counter("others", whole(1)))))},
		{Name: "a version of 90 kB", Rules: []string{`truncate_all(resource`}, Bodies: send(with([]*attribute{text("service.name", "editor"), text("service.version", long)}, statistics(counter("others", whole(1)))))},
		{Name: "6,000 attributes of a point", Rules: []string{`limit(datapoint`}, Secret: "key.5999", Bodies: later(func() []*request {
			return []*request{like(statistics(counter("others", whole(1, many()...))))}
		})},
		{Name: "6,000 attributes of a resource", Rules: []string{`limit(resource`}, Secret: "key.5999", Bodies: later(func() []*request {
			return []*request{with(append(editor(), many()...), statistics(counter("others", whole(1))))}
		})},
		{Name: "100 MiB that gzip makes small", Bodies: bomb},
		{Name: "60,000 streams", Rules: []string{`max_streams`}, Fills: true, Bodies: later(func() []*request { return streams(60_000) })},
	}
}

func empty(points int) *metric {
	list := make([]*number, points)
	for i := range list {
		list[i] = &number{}
	}
	return counter("searches", list...)
}

func many() []*attribute {
	var list []*attribute
	for i := range 6000 {
		list = append(list, text(fmt.Sprintf("key.%d", i), "x"))
	}
	return list
}

// streams are Timers, which have the most lines in Prometheus.
func streams(n int) []*request {
	const each = 200
	var requests []*request
	for at := 0; at < n; at += each {
		var runs []*run
		for i := range each {
			runs = append(runs, once(text("stream", fmt.Sprint(at+i))))
		}
		requests = append(requests, like(timers(timer("flood", runs...))))
	}
	return requests
}

func bomb() ([]Body, error) {
	var body bytes.Buffer
	zip := gzip.NewWriter(&body)
	zeros := make([]byte, 1<<20)
	for range 100 {
		if _, err := zip.Write(zeros); err != nil {
			return nil, fmt.Errorf("compress request: %w", err)
		}
	}
	if err := zip.Close(); err != nil {
		return nil, fmt.Errorf("compress request: %w", err)
	}
	return []Body{{Content: body.Bytes(), Encoding: "gzip"}}, nil
}
