package archive

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
)

// begins is the text that a request begins with. No string within one contains
// it: there the quotes have backslashes.
const begins = `{"resourceMetrics":[`

// maxRequest is the max_log_size of aggregator.yaml.
const maxRequest = 64 << 20

// texts returns the texts between the beginnings of requests, with the
// beginning. A write that was cut has no end of line, so the next request can
// follow it at once.
func texts(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		scanner := bufio.NewScanner(r)
		scanner.Buffer(make([]byte, 0, 1<<20), maxRequest)
		scanner.Split(split)
		for scanner.Scan() {
			if !yield(scanner.Bytes(), nil) {
				return
			}
		}
		if err := scanner.Err(); err != nil {
			yield(nil, fmt.Errorf("read archive: %w", err))
		}
	}
}

func split(data []byte, atEOF bool) (advance int, token []byte, err error) {
	switch next := bytes.Index(data[min(1, len(data)):], []byte(begins)); {
	case next >= 0:
		return next + 1, data[:next+1], nil
	case atEOF && len(data) > 0:
		return len(data), data, nil
	default:
		return 0, nil, nil
	}
}

// request is a line of an archive, as far as it is added up.
type request struct {
	ResourceMetrics []resourceMetrics `json:"resourceMetrics"`
}

type resourceMetrics struct {
	Resource struct {
		Attributes attributes `json:"attributes"`
	} `json:"resource"`
	ScopeMetrics []scopeMetrics `json:"scopeMetrics"`
}

type scopeMetrics struct {
	Scope   scope    `json:"scope"`
	Metrics []metric `json:"metrics"`
}

type scope struct {
	Name       string     `json:"name,omitempty"`
	Version    string     `json:"version,omitempty"`
	Attributes attributes `json:"attributes,omitempty"`
}

type metric struct {
	Name      string      `json:"name"`
	Unit      string      `json:"unit,omitempty"`
	Sum       *numbers    `json:"sum,omitempty"`
	Histogram *histograms `json:"histogram,omitempty"`
}

// delta is the temporality of what is archived: nothing else passes the filters.
const delta = 1

type numbers struct {
	DataPoints  []number `json:"dataPoints"`
	Temporality int      `json:"aggregationTemporality"`
	Monotonic   bool     `json:"isMonotonic,omitempty"`
}

type number struct {
	Attributes attributes   `json:"attributes,omitempty"`
	Time       json.Number  `json:"timeUnixNano,omitempty"`
	Whole      *json.Number `json:"asInt,omitempty"`
	Real       *float64     `json:"asDouble,omitempty"`
}

type histograms struct {
	DataPoints  []histogram `json:"dataPoints"`
	Temporality int         `json:"aggregationTemporality"`
}

type histogram struct {
	Attributes attributes    `json:"attributes,omitempty"`
	Time       json.Number   `json:"timeUnixNano,omitempty"`
	Count      json.Number   `json:"count"`
	Sum        float64       `json:"sum"`
	Buckets    []json.Number `json:"bucketCounts"`
	Bounds     []float64     `json:"explicitBounds"`
}

// attributes keep the values as they are written.
type attributes []attribute

type attribute struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// only returns the attributes with these keys, in the order of the keys.
func (a attributes) only(keys ...string) attributes {
	var kept attributes
	for _, key := range keys {
		for _, one := range a {
			if one.Key == key {
				kept = append(kept, one)
				break
			}
		}
	}
	return kept
}

// without returns the attributes whose keys are none of these.
func (a attributes) without(keys ...string) attributes {
	kept := make(attributes, 0, len(a))
next:
	for _, one := range a {
		for _, key := range keys {
			if one.Key == key {
				continue next
			}
		}
		kept = append(kept, one)
	}
	return kept
}

// text returns the value of a string attribute.
func (a attributes) text(key string) string {
	for _, one := range a {
		if one.Key != key {
			continue
		}
		var value struct {
			Text string `json:"stringValue"`
		}
		if json.Unmarshal(one.Value, &value) != nil {
			return ""
		}
		return value.Text
	}
	return ""
}

// parse reads a request. What is cut, or no request, is not ok. What follows it
// is ignored, as the Collector does: it is the beginning of a write that was cut.
func parse(text []byte) (r request, ok bool) {
	if !bytes.HasPrefix(text, []byte(begins)) {
		return r, false
	}
	err := json.NewDecoder(bytes.NewReader(text)).Decode(&r)
	return r, err == nil
}
