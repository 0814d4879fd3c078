package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
)

// Every configuration is one the Collector takes as it is, the overlays with
// each that they are for.
func TestShippedFilesAreValid(t *testing.T) {
	program := collector(t)
	t.Setenv("OTELUSAGE_TOKEN", "token")
	own := newAuthority(t)
	for _, variable := range own.env {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	overlays, err := filepath.Glob("../overlays/*.yaml")
	must(t, err)
	files, err := filepath.Glob("../*.yaml")
	must(t, err)
	checked := 0
	for _, file := range files {
		if strings.HasSuffix(file, "builder.yaml") {
			continue
		}
		must(t, otelcol.Validate(t.Context(), program, addresses(t), file))
		checked++
		for _, overlay := range overlays {
			must(t, otelcol.Validate(t.Context(), program, addresses(t), file, overlay))
			checked++
		}
	}
	for _, pair := range [][]string{{"../gateway.yaml", "../clickhouse/gateway.yaml"}, {"../gateway.yaml", "../kafka/gateway.yaml"},
		{"../gateway.yaml", "../kafka/archiver.yaml"}, {"../aggregator.yaml", "../kafka/aggregator.yaml"}} {
		must(t, otelcol.Validate(t.Context(), program, addresses(t), pair...))
		checked++
	}
	if checked < 10 {
		t.Errorf("%d configurations were checked", checked)
	}
}
