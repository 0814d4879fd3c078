package otelcol

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Another manifest is another Collector; the same one is built once.
func TestPathFollowsTheManifest(t *testing.T) {
	cache := t.TempDir()
	for _, variable := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(variable, cache)
	}
	manifest := filepath.Join(t.TempDir(), "builder.yaml")
	path := func(content string) string {
		t.Helper()
		if err := os.WriteFile(manifest, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		path, err := Path(manifest)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	first := path("dist:\n  version: 1.2.3\n")
	if again := path("dist:\n  version: 1.2.3\n"); again != first {
		t.Errorf("the same manifest is at %s and at %s", first, again)
	}
	if again := path("# Comment\n\ndist:\n  # another\n  version: 1.2.3\n"); again != first {
		t.Errorf("with comments it is at %s, without at %s", again, first)
	}
	if other := path("dist:\n  version: 1.2.4\n"); other == first {
		t.Errorf("two manifests are at %s", other)
	}
	if !strings.HasPrefix(first, cache) {
		t.Errorf("%s is outside the cache %s", first, cache)
	}
	if _, err := Path(filepath.Join(cache, "missing.yaml")); err == nil {
		t.Error("a manifest that is missing has a path")
	}
}

// A Collector that was built is not built again.
func TestBuildTakesWhatIsThere(t *testing.T) {
	cache := t.TempDir()
	for _, variable := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(variable, cache)
	}
	manifest := filepath.Join(t.TempDir(), "builder.yaml")
	if err := os.WriteFile(manifest, []byte("dist: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(t.Context(), manifest); err == nil || !strings.Contains(err.Error(), "names no version") {
		t.Errorf("Build without a version: %v", err)
	}
	path, err := Path(manifest)
	if err != nil {
		t.Fatal(err)
	}
	built := filepath.Join(t.TempDir(), "otelcol")
	if err := os.WriteFile(built, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := install(built, path); err != nil {
		t.Fatal(err)
	}
	if got, err := Build(t.Context(), manifest); err != nil || got != path {
		t.Errorf("Build = %q, %v, want %q", got, err, path)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); err != nil || len(left) != 1 {
		t.Errorf("beside the program are %q, %v", left, err)
	}
}

func TestStartSaysWhyItCannot(t *testing.T) {
	at, err := FreeAddresses(filepath.Join(t.TempDir(), "usage.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), filepath.Join(t.TempDir(), "missing"), at, nil); err == nil {
		t.Error("a program that is missing was started")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), self, at, []string{"none.yaml"}); err == nil || !strings.Contains(err.Error(), "it ended") {
		t.Errorf("a program that ends at once: %v", err)
	}
}

func TestLogKeepsTheEnd(t *testing.T) {
	l := new(log)
	line := strings.Repeat("x", 1023) + "\n"
	for range 100 {
		if _, err := l.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Write([]byte("the end")); err != nil {
		t.Fatal(err)
	}
	if got := l.String(); len(got) != keepLog || !strings.HasSuffix(got, "the end") {
		t.Errorf("%d bytes are kept, the last are %q", len(got), got[len(got)-10:])
	}
}
