package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/collector-config/otelcol"
)

// Every configuration is one the Collector takes as it is.
func TestShippedFilesAreValid(t *testing.T) {
	program := collector(t)
	files, err := filepath.Glob("../*.yaml")
	must(t, err)
	checked := 0
	for _, file := range files {
		if strings.HasSuffix(file, "builder.yaml") {
			continue
		}
		must(t, otelcol.Validate(t.Context(), program, addresses(t), file))
		checked++
	}
	if checked < 2 {
		t.Errorf("%d configurations were checked", checked)
	}
}
