package place

import "testing"

func TestNamesOfTheNullDevice(t *testing.T) {
	for path, want := range map[string]bool{
		"NUL": true, "nul": true, `C:\Users\bob\NUL`: true, `\\.\NUL`: true, `\??\nul`: true, "NUL:": true, "nul. ": true, "a/NUL": true,
		"": false, "NUL1": false, "null": false, `NUL\usage.db`: false, "usage.db": false, "NUL.db": false,
	} {
		if got := namesNull(path); got != want {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
}
