package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// isolate keeps the user's environment out and returns the directory that
// temporary files are made in.
func isolate(t *testing.T) string {
	t.Helper()
	t.Setenv("OTEL_SDK_DISABLED", "")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "")
	t.Setenv("DO_NOT_TRACK", "")
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	return dir
}

// split returns what is the application's own and what is not.
func split(rm metricdata.ResourceMetrics) (own, usage []metricdata.ScopeMetrics) {
	for _, scope := range rm.ScopeMetrics {
		if scope.Scope.Name == scopeName {
			own = append(own, scope)
		} else {
			usage = append(usage, scope)
		}
	}
	return own, usage
}

func TestOwnInstrumentsAreUnchanged(t *testing.T) {
	isolate(t)
	outcomes, err := tryAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, usage := split(outcomes[0].own)
	if len(want) != 1 || len(want[0].Metrics) != 3 || len(usage) != 0 {
		t.Fatalf("the application alone collects %v and %v", want, usage)
	}
	for i, usageScopes := range [3]int{0, 3, 0} {
		got, usage := split(outcomes[i].own)
		if len(got) != 1 {
			t.Fatalf("setup %d: its reader collects %d scopes of its own, want 1", i, len(got))
		}
		metricdatatest.AssertEqual(t, want[0], got[0], metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
		if !outcomes[i].own.Resource.Equal(outcomes[0].own.Resource) {
			t.Errorf("setup %d: the resource is %v, want %v", i, outcomes[i].own.Resource, outcomes[0].own.Resource)
		}
		if len(usage) != usageScopes {
			t.Errorf("setup %d: its reader collects %d usage scopes, want %d", i, len(usage), usageScopes)
		}
		for _, scope := range usage {
			if scope.Scope.Name != otelusage.ScopeName {
				t.Errorf("setup %d: unknown scope %q", i, scope.Scope.Name)
			}
		}
	}
}

func TestOwnInstrumentsAreNeitherMirroredNorSent(t *testing.T) {
	isolate(t)
	for name, run := range map[string]setup{"beside": beside, "apart": apart} {
		t.Run(name, func(t *testing.T) {
			var raw []byte // of the mirror, closed
			o, err := try(t.Context(), t.TempDir(), func(ctx context.Context, file, endpoint string) (metricdata.ResourceMetrics, error) {
				own, err := run(ctx, file, endpoint)
				if err != nil {
					return own, err
				}
				raw, err = os.ReadFile(file)
				return own, err
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, private := range []string{"http.server", "jobs.waiting", "adas-laptop", "user.name", "process.owner", scopeName} {
				if bytes.Contains(raw, []byte(private)) {
					t.Errorf("the mirror's bytes hold %q", private)
				}
			}
			wantUsageAlone(t, "the mirror", o.mirrored(),
				values{"reports_exported": "3", "theme": "dark", "editing": "1 in 1200 s"})
			wantUsageAlone(t, "the receiver", o.received(),
				values{"reports_exported": "+3", "theme{state=dark}": "1", "editing": "+1 (sum 1200)"})
		})
	}
}

func wantUsageAlone(t *testing.T, where string, got, want values) {
	t.Helper()
	for series, text := range want {
		if got[series] != text {
			t.Errorf("%s has %q for %s, want %q", where, got[series], series, text)
		}
	}
	for series := range got {
		if strings.HasPrefix(series, "http.") || strings.HasPrefix(series, "jobs.") {
			t.Errorf("%s has the application's own %s", where, series)
		}
	}
}

func TestReportIsPrintedAndNoFileIsLeft(t *testing.T) {
	temp := isolate(t)
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"alone", "one provider", "a provider of its own", "jobs.waiting", "reports_exported", "adas-laptop"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	left, err := filepath.Glob(filepath.Join(temp, "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
