package forward

import (
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
)

// Answer is what a destination sent back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // at most as many bytes as were asked for
	Cut    error  // why the body ended early, or nil
	From   string // who answered, as reasons name it
}

// RetryAfter returns how long the destination asks to wait, between 0 for no
// such wish and 24 hours. A date counts from the answer's own Date, without one
// from now.
func (a Answer) RetryAfter(now time.Time) time.Duration { return retryAfter(a.Header, now) }

// RedirectTarget says where a redirect points, as " to scheme://host" without
// path and query, which may hold secrets; empty where nothing can be said. The
// secrets go first: parsing could leave a part of one as the host.
func (a Answer) RedirectTarget(endpoint *url.URL, secrets redact.Redactor) string {
	location, err := url.Parse(secrets.Clean(a.Header.Get("Location")))
	if err != nil || location.String() == "" {
		return ""
	}
	to := endpoint.ResolveReference(location)
	if to.Host == "" {
		return ""
	}
	if host := secrets.Excerpt(to.Scheme + "://" + to.Host); host != "" {
		return " to " + host
	}
	return ""
}

// readBody reads at most limit bytes of an answer's body, and closes it. After
// 101 Switching Protocols it reads nothing: what follows is no body but the
// connection itself, whose reads no context ends.
func readBody(r *http.Response, limit int64) ([]byte, error) {
	defer func() { _ = r.Body.Close() }()
	if r.StatusCode == http.StatusSwitchingProtocols {
		return nil, nil
	}
	return io.ReadAll(io.LimitReader(r.Body, limit))
}
