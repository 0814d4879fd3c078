package exporter

// apart runs f, and waits for it until stopped is closed. What it runs calls what
// is the application's: a callback that takes its time, or an error handler,
// which may shut down who waits here.
func apart(stopped <-chan struct{}, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-stopped:
	}
}
