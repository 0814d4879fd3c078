package e2e

import (
	"os"
	"strings"
	"testing"
)

// gateway.yaml and aggregator.yaml are production.yaml in two processes: each
// component is in both with the same text, and none is missing or added.
func TestTwoProcessesDoWhatOneDoes(t *testing.T) {
	whole := components(t, "../production.yaml")
	if len(whole) < 15 {
		t.Fatalf("production.yaml has the components %v", whole)
	}
	parts := make(map[string]bool)
	for _, file := range []string{"../gateway.yaml", "../aggregator.yaml"} {
		for name, text := range components(t, file) {
			parts[name] = true
			switch want, ok := whole[name]; {
			case !ok:
				t.Errorf("%s has %s, production.yaml does not", file, name)
			case text != want:
				t.Errorf("%s differs in %s. It has\n%s\nproduction.yaml has\n%s", file, name, text, want)
			}
		}
	}
	for name := range whole {
		if !parts[name] {
			t.Errorf("%s is in production.yaml alone", name)
		}
	}
}

// components returns the text of each component and pipeline, with the comment
// before it, by its section and name.
func components(t *testing.T, file string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	found := make(map[string]string)
	var section, name, comment string
	for line := range strings.Lines(string(content)) {
		text := strings.TrimSpace(line)
		indent := strings.Index(line, text)
		deepest := 2
		if section == "service" {
			deepest = 4 // pipelines
		}
		key, _, _ := strings.Cut(text, ":")
		switch {
		case text == "":
			continue
		case indent <= deepest && strings.HasPrefix(text, "#"):
			comment += line
			continue
		case indent == 0:
			section, comment = key, ""
			continue
		case indent <= deepest:
			name = section + " " + key
		}
		found[name] += comment + line
		comment = ""
	}
	return found
}
