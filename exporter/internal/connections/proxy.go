package connections

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// errProxyRefused is a proxy that opens no tunnel to the destination.
var errProxyRefused = errors.New("the proxy refuses to connect")

// CheckProxy is an OnProxyConnectResponse for http.Transport, which would return
// the proxy's status text as if the destination had failed.
func CheckProxy(_ context.Context, _ *url.URL, _ *http.Request, r *http.Response) error {
	if r.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("%w (HTTP %d)", errProxyRefused, r.StatusCode)
}

// RefusedByProxy reports whether err is the answer of a proxy.
func RefusedByProxy(err error) bool { return errors.Is(err, errProxyRefused) }

// ToProxy reports whether err happened on the way to a proxy, not to the
// destination.
func ToProxy(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "proxyconnect"
}
