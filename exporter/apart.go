package exporter

// apart runs f in its own goroutine, and waits for it until stopped is closed. f
// calls code of the application: a callback that may take long, or an error
// handler that may shut down the caller of apart, which would then wait for itself.
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
