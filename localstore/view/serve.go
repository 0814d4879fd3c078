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

// What a client may take, for a request of a few hundred bytes and an answer of
// a few megabytes at most.
const (
	headerTimeout = 10 * time.Second // for its header, from the moment it connects
	readTimeout   = 15 * time.Second // for all of the request
	writeTimeout  = time.Minute      // for the answer
	idleTimeout   = 30 * time.Second // between two requests
	endTimeout    = 2 * time.Second  // at the end
	maxHeader     = 16 << 10         // bytes
)

// Serve serves the page of the mirror at path until the context ends, and
// returns the context's error then. It listens at an address, [DefaultAddress]
// if that is empty, and tells ready the URL. The mirror is never made; if it may
// not be written, the page is for reading only.
//
// The URL holds a secret that is new each time. Without it nobody, on this
// machine or another, gets anything but 404: whoever has the URL may read and
// use the switches, under whatever name of this machine. Where the address is
// that of no single interface, as "0.0.0.0:8080", the URL names one of this
// machine's own. It is HTTP: beyond loopback, who can listen to the network
// sees the secret too, and a tunnel (ssh -L) is the better way.
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
		DisableGeneralOptionsHandler: true, // it answers OPTIONS * to whoever asks

		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader,
		ConnContext:    d.strangers.know, ConnState: d.strangers.note,
		ErrorLog: log.New(io.Discard, "", 0), // what clients do wrong is nobody's concern
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
		_ = server.Close() // an answer that nobody reads
	}
	<-ended
	return ctx.Err()
}
