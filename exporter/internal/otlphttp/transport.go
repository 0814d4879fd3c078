package otlphttp

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/forward"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// maxAnswer is how much of an answer is read, in bytes after decompression. An
// OTLP answer is a number and a sentence.
const maxAnswer = 64 << 10

// exchange is where the transport leaves the answer for the Export that made
// the request: otlpmetrichttp reports statuses only as text, and returns nil
// for a captive portal. It travels in the request's context and is used by one
// goroutine.
type exchange struct {
	points   int64          // in the request
	answered bool           // a status line arrived: outcome holds
	outcome  *outcome.Error // nil for full acceptance
	err      error          // why there was no answer
}

type exchangeKey struct{}

// errNotAccepted tells the client that it failed; Export knows the details.
var errNotAccepted = errors.New("not accepted")

// transport sends exactly the wanted headers to exactly the wanted URL and
// reads the answer. It is safe for concurrent use.
type transport struct {
	name     string // of the package that users import
	link     *forward.Link
	endpoint *url.URL
	headers  func() http.Header // not a map: fmt shows those of unexported fields
	secrets  redact.Redactor
	lenient  bool             // WithLenientAnswers
	now      func() time.Time // for Retry-After without a Date beside it
}

func newTransport(name string, cfg config) *transport {
	return &transport{
		name:     name,
		link:     forward.NewLink(forward.LinkConfig{Proxy: cfg.proxy, TLS: cfg.tls, TLSTimeout: 10 * time.Second}),
		endpoint: cfg.endpoint,
		headers:  func() http.Header { return cfg.headers },
		lenient:  cfg.lenient,
		secrets:  newRedactor(cfg.headers),
		now:      time.Now,
	}
}

// RoundTrip implements [http.RoundTripper]. The answer is left in the
// exchange of req's context; what is returned only says whether it was a full
// acceptance, so that nothing is left to interpret, follow or retry.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		x = &exchange{}
	}

	out := req.Clone(req.Context())
	endpoint := *t.endpoint
	out.URL, out.Host = &endpoint, ""
	out.Header = make(http.Header, len(t.headers())+3)
	for _, key := range []string{"Content-Type", "Content-Encoding", "User-Agent"} {
		if v := req.Header.Get(key); v != "" {
			out.Header.Set(key, v)
		}
	}
	for key, values := range t.headers() {
		out.Header[key] = values
	}

	a, err := t.link.Send(out, t.host(), maxAnswer)
	if err != nil {
		x.err = err
		return nil, err
	}
	x.answered = true
	x.outcome = t.judge(answer{Answer: a, points: x.points})
	if x.outcome != nil {
		return nil, errNotAccepted
	}
	return Accepted(req), nil
}

// Accepted is the answer that a [Client] takes as a full success.
func Accepted(req *http.Request) *http.Response {
	return &http.Response{
		Status:     "200 OK",
		StatusCode: http.StatusOK,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     make(http.Header),
		Body:       http.NoBody,
		Request:    req,
	}
}

// host names the destination in reasons.
func (t *transport) host() string { return t.endpoint.Host }
