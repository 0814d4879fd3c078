package place

import "time"

// heldFor is how long a file that somebody has open is tried again: for a virus
// scanner or a look at the mirror it takes no longer.
const heldFor = 200 * time.Millisecond

// Patiently runs f again while somebody has its file open, for an instant.
func Patiently(f func() error) error {
	err := f()
	for pause, until := time.Millisecond, time.Now().Add(heldFor); IsHeld(err) && time.Now().Before(until); pause *= 2 {
		time.Sleep(pause)
		err = f()
	}
	return err
}
