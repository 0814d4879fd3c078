package view

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// DefaultAddress is where [Serve] listens: on loopback, at a free port.
const DefaultAddress = "127.0.0.1:0"

const (
	headerTimeout = 10 * time.Second
	endTimeout    = 2 * time.Second
)

// Serve serves the page of the mirror at path until the context ends, and
// returns the context's error then. It listens at an address, [DefaultAddress]
// if that is empty, and tells ready the URL. The mirror is never made; if it may
// not be written, the page is for reading only.
func Serve(ctx context.Context, path, address string, ready func(url string), opts ...Option) (err error) {
	store, err := openExisting(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if address == "" {
		address = DefaultAddress
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("serve page: %w", err)
	}
	defer listener.Close()
	// Who listens at a name or address of their choice means to use it.
	host, _, _ := net.SplitHostPort(address)
	page, err := New(store, append([]Option{WithHosts(host)}, opts...)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, page.Close()) }()
	return run(ctx, listener, page, ready)
}

func openExisting(path string) (*localstore.Store, error) {
	store, err := localstore.Open(path, localstore.Existing())
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return store, err
	}
	return localstore.Open(path, localstore.ReadOnly())
}

func run(ctx context.Context, listener net.Listener, page http.Handler, ready func(url string)) error {
	server := &http.Server{Handler: page, ReadHeaderTimeout: headerTimeout}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if ready != nil {
		ready("http://" + listener.Addr().String() + "/")
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serve page: %w", err)
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if server.Shutdown(bounded) != nil {
		_ = server.Close() // an answer that nobody reads
	}
	<-ended
	return ctx.Err()
}
