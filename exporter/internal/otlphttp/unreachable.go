package otlphttp

import (
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/forward"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// unreachable is the outcome of a request that got no answer because of err.
func (t *transport) unreachable(err error) *outcome.Error {
	text := t.secrets.Excerpt(err.Error())
	reason := forward.WhyUnreachable(err, t.host(), t.endpoint.Hostname()) + ": " + text
	return forward.Unreachable(redact.Shorten(redact.Line(reason)), text, err)
}
