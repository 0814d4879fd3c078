package forward

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// Unreachable is the outcome of a request that got no answer because of err. Its
// reason is reason, and shown stands in place of the text of err, which may hold
// secrets. Whatever the network does is transient,
// an untrusted certificate included: captive portals present one.
func Unreachable(reason, shown string, err error) *outcome.Error {
	return &outcome.Error{Class: outcome.Transient, Reason: reason, Err: redact.NewError(shown, err)}
}

// WhyUnreachable says in a few words of its own why a request got no answer. host
// names the destination, and name what was to be resolved of it.
func WhyUnreachable(err error, host, name string) string {
	switch {
	case refusedByProxy(err):
		return "the proxy opens no connection to " + host
	case toProxy(err):
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
	case refused(err):
		return host + " refuses connections"
	case lost(err):
		return "the connection to " + host + " was lost before an answer came"
	}
	return "cannot reach " + host
}
