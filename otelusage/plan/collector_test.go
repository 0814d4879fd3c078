package plan

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// TestCollector compares with a file that a Collector was run with.
func TestCollector(t *testing.T) {
	open := editor(t)
	open.Application = "Quill"
	strict := open.OnlyDeclared()
	strict.Application = `Quill "2" $HOME's`
	strict.Sending = &otelusage.PlannedSending{With: []otelusage.PlannedText{{Key: "service.namespace", Value: "office"}, {Key: "deployment.environment.name"}}}
	got, err := Collector([]otelusage.Plan{open, strict}, []string{"1.0.0", "1.1.0-rc.1"})
	check(t, err)
	const golden = "testdata/collector.yaml"
	if *update {
		check(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	check(t, err)
	if text := strings.ReplaceAll(string(want), "\r\n", "\n"); got != text {
		t.Errorf("the configuration is\n%s\nwant\n%s", got, text)
	}
}

func TestCollectorNeedsTexts(t *testing.T) {
	named := otelusage.Plan{Application: "Quill"}
	for name, c := range map[string]struct {
		plans    []otelusage.Plan
		releases []string
		want     error
	}{
		"no plan":           {nil, nil, ErrNoApplication},
		"no application":    {[]otelusage.Plan{named, new(otelusage.Tracker).Plan()}, nil, ErrNoApplication},
		"no release":        {[]otelusage.Plan{named}, nil, nil},
		"a release":         {[]otelusage.Plan{named}, []string{"v1.0.0+meta"}, nil},
		"an empty release":  {[]otelusage.Plan{named}, []string{""}, otelusage.ErrInvalidValue},
		"a strange release": {[]otelusage.Plan{named}, []string{"1.0", "1}"}, otelusage.ErrInvalidValue},
	} {
		if _, err := Collector(c.plans, c.releases); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
