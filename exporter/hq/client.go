package hq

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/forward"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// maxAnswer is how much of an answer is read, in bytes. HQ's are a few words.
const maxAnswer = 4 << 10

// client makes uploads to one server. It is safe for concurrent use.
type client struct {
	link     *forward.Link
	endpoint *url.URL
	key      func() string // not a string: fmt shows those of unexported fields
	secret   redact.Redactor
	now      func() time.Time // for Retry-After without a Date beside it
}

func newClient(cfg Config, endpoint *url.URL) *client {
	return &client{
		link: forward.NewLink(forward.LinkConfig{
			Proxy: http.ProxyFromEnvironment, TLS: cfg.TLSConfig,
			UncompressedAnswer: true, // it is a word
		}),
		endpoint: endpoint,
		key:      func() string { return cfg.APIKey },
		secret:   newRedactor(cfg.APIKey),
		now:      time.Now,
	}
}

// post makes one request and returns its answer, or why there is none.
func (c *client) post(ctx context.Context, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	a, err := c.link.Send(req, c.host(), maxAnswer+1)
	return answer{a}, err
}

// unreachable is the outcome of a request that got no answer because of err.
func (c *client) unreachable(err error) *outcome.Error {
	host := c.host()
	reason := forward.WhyUnreachable(err, host, host)
	if text := c.secret.Excerpt(err.Error()); text != "" {
		reason += ": " + text
	}
	reason = c.secret.Own(reason)
	return forward.Unreachable(reason, reason, err)
}

// host names the server in reasons.
func (c *client) host() string { return redact.Shorten(c.secret.Own(c.endpoint.Host)) }
