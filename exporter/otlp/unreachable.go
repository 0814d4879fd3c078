package otlp

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// unreachable is the outcome of a request that got no answer because of err.
// Whatever the network does is transient, an untrusted certificate included:
// captive portals present one.
func (t *transport) unreachable(err error) *outcome.Error {
	text := t.secrets.excerpt(err.Error())
	return &outcome.Error{
		Class:  outcome.Transient,
		Reason: excerpt(t.describe(err) + ": " + text),
		Err:    &quietError{text: text, err: err},
	}
}

func (t *transport) describe(err error) string {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "cannot resolve " + t.endpoint.Hostname()
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the certificate of " + t.host() + " is not trusted"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return t.host() + " does not speak TLS"
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return t.host() + " refuses connections"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "the connection to " + t.host() + " was lost before an answer came"
	}
	return "cannot reach " + t.host()
}

// quietError keeps an error's chain for errors.Is and errors.As without its
// text, in which net/http may quote a proxy's password.
type quietError struct {
	text string
	err  error
}

func (e *quietError) Error() string { return e.text }
func (e *quietError) Unwrap() error { return e.err }
