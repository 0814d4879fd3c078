package terminal

import (
	"math"
	"testing"
)

func TestSecondsKeepTheirDigits(t *testing.T) {
	for s, want := range map[float64]string{
		0: "0 seconds", 0.0025: "0.0025 seconds", 0.00042: "0.00042 seconds", 0.000001: "0.000001 seconds", 0.123456: "0.123 seconds",
		0.0009996: "0.001 seconds", 0.9999: "1 second", 1.2344: "1.234 seconds", -0.0025: "-0.0025 seconds", 3e-10: "3e-10 seconds",
		1e-9: "0.000000001 seconds", 59.9999: "1 minute", 3600.4: "1 hour", 86400: "1 day",
		math.Inf(1): "+Inf seconds", math.NaN(): "NaN seconds", math.SmallestNonzeroFloat64: "4.94066e-324 seconds",
	} {
		if got := Seconds(s); got != want {
			t.Errorf("%v seconds are shown as %q, want %q", s, got, want)
		}
	}
}
