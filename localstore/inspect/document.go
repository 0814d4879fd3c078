package inspect

import (
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
)

// nullable is null in JSON for never.
func nullable(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

func nonzero(n int64) string {
	if n == 0 {
		return ""
	}
	return terminal.Count(n)
}
