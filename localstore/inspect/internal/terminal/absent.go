package terminal

import "time"

// Nullable is null in JSON for never.
func Nullable(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
