// Package exposition reads the part of the Prometheus text format that the
// tests, the simulation and the example need.
package exposition

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Sample is one line of the text format.
type Sample struct {
	Name   string
	Labels map[string]string
	Value  float64
}

// Parse reads the text format. Comments are skipped.
func Parse(text []byte) ([]Sample, error) {
	var samples []Sample
	scanner := bufio.NewScanner(bytes.NewReader(text))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		line := scanner.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		s, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("read metrics: %w: %q", err, line)
		}
		samples = append(samples, s)
	}
	return samples, scanner.Err()
}

func parseLine(line string) (Sample, error) {
	end := strings.IndexAny(line, "{ ")
	if end < 0 {
		return Sample{}, fmt.Errorf("no value")
	}
	s := Sample{Name: line[:end], Labels: make(map[string]string)}
	rest := line[end:]
	if rest[0] == '{' {
		for rest = rest[1:]; !strings.HasPrefix(rest, "}"); rest = strings.TrimPrefix(rest, ",") {
			name, value, ok := strings.Cut(rest, "=")
			if !ok {
				return Sample{}, fmt.Errorf("no label value")
			}
			quoted, err := strconv.QuotedPrefix(value)
			if err != nil {
				return Sample{}, fmt.Errorf("label %s: %w", name, err)
			}
			if s.Labels[name], err = strconv.Unquote(quoted); err != nil {
				return Sample{}, fmt.Errorf("label %s: %w", name, err)
			}
			rest = value[len(quoted):]
		}
		rest = rest[1:]
	}
	value, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	var err error
	s.Value, err = strconv.ParseFloat(value, 64)
	return s, err
}

// By adds up samples by name and the given labels: "searches_total{via=web}".
// Labels that a sample does not have are omitted.
func By(samples []Sample, labels ...string) map[string]float64 {
	sums := make(map[string]float64)
	for _, s := range samples {
		sums[Key(s.Name, s.Labels, labels...)] += s.Value
	}
	return sums
}

// Key is a name with the given labels, in their order.
func Key(name string, values map[string]string, labels ...string) string {
	var texts []string
	for _, label := range labels {
		if values[label] != "" {
			texts = append(texts, label+"="+values[label])
		}
	}
	if len(texts) == 0 {
		return name
	}
	return name + "{" + strings.Join(texts, ",") + "}"
}

// Text returns the sample as text, with its labels in order.
func (s Sample) Text() string {
	return Key(s.Name, s.Labels, slices.Sorted(maps.Keys(s.Labels))...) + " " + strconv.FormatFloat(s.Value, 'g', -1, 64)
}
