package forward

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// LinkConfig says how a [Link] connects.
type LinkConfig struct {
	Proxy              func(*http.Request) (*url.URL, error) // as in [http.Transport]; nil connects directly
	TLS                *tls.Config                           // nil trusts the system's certificate authorities
	TLSTimeout         time.Duration                         // bounds a TLS handshake; 0 leaves it to the request's context
	Dial               Dial                                  // nil dials the network
	UncompressedAnswer bool                                  // asks for an answer as it is
}

// Link makes requests over connections of its own. They are never
// [http.DefaultTransport]'s or a clone of it, which an application may have
// replaced, for example by one that adds trace ids. Each request has a
// connection to itself, and speaks HTTP/1.1: net/http prints what it hears on an
// idle connection, takes it for the next answer where it comes a moment later,
// and prints what breaks the rules of HTTP/2. Its methods may be called
// concurrently.
type Link struct {
	transport *http.Transport
	dialled   *connections
}

// NewLink returns a Link without connections.
func NewLink(cfg LinkConfig) *Link {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	dialled := newConnections(cfg.Dial)
	return &Link{
		dialled: dialled,
		transport: &http.Transport{
			Proxy:                  quietProxy(cfg.Proxy),
			OnProxyConnectResponse: checkProxy,
			DialContext:            dialled.dial,
			TLSClientConfig:        cfg.TLS,
			TLSHandshakeTimeout:    cfg.TLSTimeout,
			Protocols:              &protocols,
			DisableKeepAlives:      true,
			DisableCompression:     cfg.UncompressedAnswer,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// Send makes one request to host and reads at most limit bytes of the answer's
// body. The error says why there is no answer; a body that ended early is in
// Answer.Cut. The transport is asked itself, so that no redirect is followed.
func (l *Link) Send(r *http.Request, host string, limit int64) (Answer, error) {
	resp, err := l.transport.RoundTrip(r)
	if err != nil {
		return Answer{}, err
	}
	body, err := readBody(resp, limit)
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, Cut: err, From: l.answerer(r, resp, host)}, nil
}

// Close closes all connections, those included that are still being dialled for
// a request that was given up. Later requests fail.
func (l *Link) Close() {
	l.transport.CloseIdleConnections()
	l.dialled.close()
}

// answerer names who answered a request: the host, under the name given, or a
// proxy between that says so. To a plain http:// destination a proxy passes on
// requests and answers, and its own look like the destination's. Through a
// tunnel it has none.
func (l *Link) answerer(r *http.Request, answer *http.Response, host string) string {
	if l.transport.Proxy == nil || r.URL.Scheme != "http" {
		return host
	}
	if proxy, err := l.transport.Proxy(r); err != nil || proxy == nil {
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
