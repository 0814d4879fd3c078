package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
)

// errProxyRefused is a proxy that opens no tunnel to the destination.
var errProxyRefused = errors.New("the proxy refuses to connect")

// checkProxy is an OnProxyConnectResponse for http.Transport, which would return
// the proxy's status text as if the destination had failed.
func checkProxy(_ context.Context, _ *url.URL, _ *http.Request, r *http.Response) error {
	if r.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("%w (HTTP %d)", errProxyRefused, r.StatusCode)
}

// refusedByProxy reports whether err is the answer of a proxy.
func refusedByProxy(err error) bool { return errors.Is(err, errProxyRefused) }

// quietProxy returns choose, whose errors show nothing: one of net/url quotes the
// address, in which there may be a password, and what makes it invalid may be in
// the password too. It returns nil for nil.
func quietProxy(choose func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	if choose == nil {
		return nil
	}
	return func(r *http.Request) (*url.URL, error) {
		proxy, err := choose(r)
		if err != nil {
			err = redact.NewError("it cannot be told which proxy to use", err)
		}
		return proxy, err
	}
}

// toProxy reports whether err happened on the way to a proxy, not to the
// destination.
func toProxy(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "proxyconnect"
}
