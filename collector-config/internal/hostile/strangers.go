package hostile

import (
	"math/rand/v2"
	"strings"
)

// strangers are attacks that are no usage at all.
func strangers() []Attack {
	raw := func(content, kind string) func() ([]Body, error) {
		return func() ([]Body, error) { return []Body{{Content: []byte(content), Type: kind}}, nil }
	}
	const json = "application/json"
	return []Attack{
		{Name: "noise", Bodies: func() ([]Body, error) {
			r, content := rand.New(rand.NewPCG(1, 2)), make([]byte, 100_000)
			for i := range content {
				content[i] = byte(r.Uint32())
			}
			return []Body{{Content: content}, {Content: content, Encoding: "gzip"}, {Content: content, Type: json}}, nil
		}},
		{Name: "JSON 6,000 deep", Bodies: raw(strings.Repeat(`{"resourceMetrics":[`, 6000), json)},
		{Name: "JSON with a key twice", Bodies: raw(`{"resourceMetrics":[],"resourceMetrics":[{"resource":{},"resource":{"attributes":[{"key":"service.name","key":"a","value":{"stringValue":"editor","intValue":"x"}}]}}]}`, json)},
		{Name: "JSON of wrong types", Bodies: raw(`{"resourceMetrics":[{"resource":7,"scopeMetrics":"x"}]}`, json)},
	}
}
