package yearold

import (
	"fmt"
	"time"
)

const (
	// Hours is how many runs a year has.
	Hours = 365 * 24

	// month is how many runs a version of the tool lives.
	month = Hours / 12
)

// Make makes a mirror of hourly runs, the last of which is made at end. A year of them
// takes about a minute.
func Make(path string, runs int, end time.Time) error {
	for number := range runs {
		at := end.Add(time.Duration(number-runs+1) * time.Hour)
		if err := Once(path, number, at); err != nil {
			return fmt.Errorf("run %d: %w", number, err)
		}
	}
	return nil
}

// Once makes a run: it counts, records, submits and ends.
func Once(path string, number int, at time.Time) error {
	r, err := Start(path, number, at)
	if err != nil {
		return err
	}
	err = r.Count()
	if err == nil {
		err = r.Record()
	}
	if err == nil {
		err = r.Submit()
	}
	if closed := r.Close(); err == nil {
		err = closed
	}
	return err
}

// version is the one that a run has. After a year there is no other.
func version(number int) string { return fmt.Sprintf("1.%d.0", min(number, Hours-1)/month) }
