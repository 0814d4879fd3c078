package inspect

import "time"

// nullable is null in JSON for never.
func nullable(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
