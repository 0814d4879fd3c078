package connections

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
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

// Proxy returns choose, whose errors show nothing: one of net/url quotes the
// address, in which there may be a password, and what makes it invalid may be in
// the password too. It returns nil for nil.
func Proxy(choose func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
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

// ToProxy reports whether err happened on the way to a proxy, not to the
// destination.
func ToProxy(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "proxyconnect"
}

// Answerer names who answered a request: the host, under the name given, or a
// proxy between that says so. To a plain http:// destination a proxy passes on
// requests and answers, and its own look like the destination's. Through a
// tunnel it has none.
func Answerer(t *http.Transport, r *http.Request, answer *http.Response, host string) string {
	if t.Proxy == nil || r.URL.Scheme != "http" {
		return host
	}
	if proxy, err := t.Proxy(r); err != nil || proxy == nil {
		return host
	}
	switch h := answer.Header; {
	case answer.StatusCode == http.StatusProxyAuthRequired, h.Get("Proxy-Authenticate") != "",
		strings.Contains(h.Get("Proxy-Status"), "error="), h.Get("X-Squid-Error") != "":
		return "the proxy"
	}
	switch answer.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return "the proxy or " + host
	}
	return host
}
