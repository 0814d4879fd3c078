package main

import (
	"context"
	"errors"
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// features are what is counted.
type features struct {
	exports *otelusage.Statistic
	theme   *otelusage.State
	editing *otelusage.Timer
}

// declare says what is recorded: USAGE.md has all of it in words.
func declare(t *otelusage.Tracker) (f features, err error) {
	about := otelusage.WithDescription
	var errs [3]error
	f.exports, errs[0] = t.Statistic("reports_exported", about("Reports exported"), otelusage.Monotonic(), otelusage.WithKeys())
	f.theme, errs[1] = t.State("theme", "light", about("Colours"), otelusage.WithStates("light", "dark"))
	f.editing, errs[2] = t.Timer("editing", about("Time in the editor"), otelusage.WithKeys())
	return f, errors.Join(errs[:]...)
}

// useFeatures counts what a user uses. It is the same in every setup.
func useFeatures(ctx context.Context, tracker *otelusage.Tracker) error {
	f, err := declare(tracker)
	f.exports.Add(3)
	f.theme.Set("dark")
	f.editing.Record(ctx, 20*time.Minute)
	return err
}
