package child

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	startPatience = time.Minute
	pollInterval  = 20 * time.Millisecond
)

// ErrEnded is returned by Await for a program that ended.
var ErrEnded = errors.New("it ended")

// Await waits, a minute at most, until a program that was started answers a GET of a
// URL with 200. Done is closed when the program ends.
func Await(ctx context.Context, url string, done <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := client.Do(req); err == nil {
			if err := resp.Body.Close(); err == nil && resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-done:
			return ErrEnded
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
