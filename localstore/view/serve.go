package view

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// DefaultAddress is where [Serve] listens: on loopback, at a free port.
const DefaultAddress = "127.0.0.1:0"

// Limits for a client. A request has a few hundred bytes, an answer a few megabytes
// at most.
const (
	headerTimeout = 10 * time.Second // for its header, from the moment it connects
	readTimeout   = 15 * time.Second // for all of the request
	writeTimeout  = time.Minute      // for the answer
	idleTimeout   = 30 * time.Second // between two requests
	endTimeout    = 2 * time.Second  // at the end
	maxHeader     = 16 << 10         // bytes
)

// Serve serves the page of the mirror at path until the context ends, and then
// returns the context's error. It listens at an address, [DefaultAddress] if that
// is empty, and passes the URL to ready. It never creates the mirror. If the mirror
// cannot be written, the page is read-only.
//
// The URL contains a secret that is new each time. Without it every request gets
// 404, from this machine or another. Anyone who has the URL can read the page and
// use the switches, under any name of this machine. If the address is that of all
// interfaces, as "0.0.0.0:8080", the URL has one of this machine's addresses. The
// page is plain HTTP: beyond loopback, anyone who can listen to the network also
// sees the secret. Use a tunnel (ssh -L) there.
func Serve(ctx context.Context, path, address string, ready func(url string), opts ...Option) (err error) {
	store, err := openExisting(ctx, path)
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
	page, err := newWithin(ctx, store, append(slices.Clone(opts), withAnyHost())...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, page.Close()) }()
	d := newDoor(page)
	if ready == nil {
		ready = func(string) {}
	}
	return run(ctx, listener, d, func() { ready("http://" + reachable(listener.Addr()) + d.path()) })
}

func openExisting(ctx context.Context, path string) (*localstore.Store, error) {
	store, err := localstore.OpenContext(ctx, path, localstore.Existing())
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return store, err
	}
	return localstore.OpenContext(ctx, path, localstore.ReadOnly())
}

func run(ctx context.Context, listener net.Listener, d *door, ready func()) error {
	server := &http.Server{
		Handler:                      d,
		DisableGeneralOptionsHandler: true, // it would answer OPTIONS * without the secret

		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader,
		ConnContext:    d.strangers.know, ConnState: d.strangers.note,
		ErrorLog: log.New(io.Discard, "", 0), // errors of clients are not reported
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	ready()
	select {
	case err := <-ended:
		return fmt.Errorf("serve page: %w", err)
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if server.Shutdown(bounded) != nil {
		_ = server.Close() // a client does not read its answer
	}
	<-ended
	return ctx.Err()
}
