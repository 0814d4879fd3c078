package exposition

import (
	"maps"
	"testing"
)

const text = `# HELP searches_total how many
# TYPE searches_total counter
searches_total{job="a",via="web"} 3
searches_total{job="b",via="web"} 4 1700000000000
searches_total{job="b",via="a \"b\" } c,\n"} 1e+06
up 1
`

func TestParseAndAddUp(t *testing.T) {
	samples, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"searches_total{via=web}": 7, "searches_total{via=a \"b\" } c,\n}": 1e6, "up": 1}
	if got := By(samples, "via"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := samples[0].Text(), "searches_total{job=a,via=web} 3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseRefusesWhatIsNoMetric(t *testing.T) {
	for _, line := range []string{"novalue", "a{b=c} 1", `a{b="c" 1`, `a{b} 1`, "a x"} {
		if got, err := Parse([]byte(line)); err == nil {
			t.Errorf("%q was read as %v", line, got)
		}
	}
}
