package otelusage

import (
	"strings"
	"testing"
)

// TestAWrongNameIsQuotedToARune: half a letter would be shown as \xc3.
func TestAWrongNameIsQuotedToARune(t *testing.T) {
	tracker, _, _ := attached(t)
	for _, name := range []string{strings.Repeat("\u00e4", 100), "x" + strings.Repeat("\u00e4", 100)} {
		_, err := tracker.Statistic(name)
		if err == nil || strings.Contains(err.Error(), `\x`) || !strings.Contains(err.Error(), "\u00e4...") {
			t.Errorf("the error is %v", err)
		}
	}
}
