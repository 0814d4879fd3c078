package main

import (
	"context"
	"errors"
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// useFeatures counts what a user uses. It is the same in every setup.
func useFeatures(ctx context.Context, tracker *otelusage.Tracker) error {
	exports, err := tracker.Statistic("reports_exported", otelusage.Monotonic())
	theme, err2 := tracker.State("theme", "light")
	editing, err3 := tracker.Timer("editing")
	exports.Add(3)
	theme.Set("dark")
	editing.Record(ctx, 20*time.Minute)
	return errors.Join(err, err2, err3)
}
