package promname

import (
	"slices"
	"testing"
)

// The names that a Collector shows are compared with these by the tests of
// collector-config/e2e, those of otlptranslator by the tests of ../peers.
func TestSeries(t *testing.T) {
	for _, tt := range []struct {
		metric Metric
		want   []string
	}{
		{Metric{"saves", "", UpDown}, []string{"saves"}},
		{Metric{"save.file-as", "", UpDown}, []string{"save_file_as"}},
		{Metric{"saves", "", Counter}, []string{"saves_total"}},
		{Metric{"total.saves_total", "", Counter}, []string{"saves_total"}},
		{Metric{"total", "", Counter}, []string{"total"}},
		{Metric{"saves_total", "", UpDown}, []string{"saves_total"}},
		{Metric{"read", "By", Counter}, []string{"read_bytes_total"}},
		{Metric{"read", "{page}", UpDown}, []string{"read"}},
		{Metric{"read", "By/s", UpDown}, []string{"read_bytes_per_second"}},
		{Metric{"read", "1", UpDown}, []string{"read"}},
		{Metric{"session", "s", Histogram}, []string{"session_seconds", "session_seconds_bucket", "session_seconds_sum", "session_seconds_count"}},
		{Metric{"session.seconds", "s", Histogram}, []string{"session_seconds", "session_seconds_bucket", "session_seconds_sum", "session_seconds_count"}},
	} {
		if got := tt.metric.Series(); !slices.Equal(got, tt.want) {
			t.Errorf("%+v is %q, want %q", tt.metric, got, tt.want)
		}
	}
}

func TestFold(t *testing.T) {
	for _, name := range []string{"save.file", "save_file", "Save-File", "save/file", "save__file_"} {
		if got := Fold(name); got != "save_file" {
			t.Errorf("%q is %q", name, got)
		}
	}
}
