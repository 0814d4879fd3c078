package hq

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/connections"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// maxAnswer is how much of an answer is read, in bytes. HQ's are a few words.
const maxAnswer = 4 << 10

// client makes uploads to one server. It is safe for concurrent use.
type client struct {
	transport *http.Transport
	dialled   *connections.Set
	endpoint  *url.URL
	key       func() string // not a string: fmt shows those of unexported fields
	secret    redact.Redactor
	now       func() time.Time // for Retry-After without a Date beside it
}

// newClient returns a client with connections of its own. They are never
// [http.DefaultTransport]'s or a clone of it, which an application may have
// replaced, for example by one that adds trace ids.
func newClient(cfg Config, endpoint *url.URL) *client {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	dialled := connections.New()
	return &client{
		dialled: dialled,
		transport: &http.Transport{
			Proxy:                  connections.Proxy(http.ProxyFromEnvironment),
			OnProxyConnectResponse: connections.CheckProxy,
			DialContext:            dialled.Dial,
			TLSClientConfig:        cfg.TLSConfig,
			Protocols:              &protocols,
			DisableKeepAlives:      true, // the next upload is an hour away
			DisableCompression:     true, // of a word
			MaxResponseHeaderBytes: 64 << 10,
		},
		endpoint: endpoint,
		key:      func() string { return cfg.APIKey },
		secret:   newRedactor(cfg.APIKey),
		now:      time.Now,
	}
}

// post makes one request and returns its answer, or why there is none. The
// transport is asked itself, so that no redirect is followed.
func (c *client) post(ctx context.Context, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	read, err := connections.ReadAnswer(resp, maxAnswer+1)
	return answer{status: resp.StatusCode, header: resp.Header, body: read, cut: err, from: connections.Answerer(c.transport, req, resp, c.host())}, nil
}

// unreachable is the outcome of a request that got no answer because of err.
// Whatever the network does is transient, an untrusted certificate included:
// captive portals present one.
func (c *client) unreachable(err error) *outcome.Error {
	reason := c.describe(err)
	if text := c.secret.Excerpt(err.Error()); text != "" {
		reason += ": " + text
	}
	reason = c.secret.Own(reason)
	return &outcome.Error{Class: outcome.Transient, Reason: reason, Err: redact.NewError(reason, err)}
}

func (c *client) describe(err error) string {
	host := c.host()
	switch {
	case connections.RefusedByProxy(err):
		return "the proxy opens no connection to " + host
	case connections.ToProxy(err):
		host = "the proxy"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "cannot resolve " + host
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the certificate of " + host + " is not trusted"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return host + " does not speak TLS"
	}
	switch {
	case connections.Refused(err):
		return host + " refuses connections"
	case connections.Lost(err):
		return "the connection to " + host + " was lost before an answer came"
	}
	return "cannot reach " + host
}

// host names the server in reasons.
func (c *client) host() string { return redact.Shorten(c.secret.Own(c.endpoint.Host)) }

// late is the outcome of a request that took longer than the timeout.
func (c *client) late(timeout time.Duration) *outcome.Error {
	return &outcome.Error{
		Class:  outcome.Transient,
		Reason: fmt.Sprintf("%s did not answer within %v", c.host(), timeout),
		Err:    context.DeadlineExceeded,
	}
}
