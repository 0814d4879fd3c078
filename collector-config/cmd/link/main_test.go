package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSumsInACollector: Prometheus and the archive's SQL say exactly what was counted,
// each way to send.
func TestSumsInACollector(t *testing.T) {
	if os.Getenv("OTELUSAGE_E2E") != "1" {
		t.Skip("needs a Collector: OTELUSAGE_E2E=1 builds and runs it")
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out, options{dir: filepath.Join("..", ".."), installations: 6, days: 10, seed: 3, collector: true}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "Prometheus exact, archive exact"); n != 3 {
		t.Errorf("%d comparisons in\n%s", n, &out)
	}
}
