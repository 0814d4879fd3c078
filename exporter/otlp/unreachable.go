package otlp

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/connections"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// unreachable is the outcome of a request that got no answer because of err.
// Whatever the network does is transient, an untrusted certificate included:
// captive portals present one.
func (t *transport) unreachable(err error) *outcome.Error {
	text := t.secrets.Excerpt(err.Error())
	return &outcome.Error{
		Class:  outcome.Transient,
		Reason: redact.Shorten(redact.Line(t.describe(err) + ": " + text)),
		Err:    redact.NewError(text, err),
	}
}

func (t *transport) describe(err error) string {
	host, name := t.host(), t.endpoint.Hostname()
	switch {
	case connections.RefusedByProxy(err):
		return "the proxy opens no connection to " + host
	case connections.ToProxy(err):
		host, name = "the proxy", "the proxy"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "cannot resolve " + name
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
