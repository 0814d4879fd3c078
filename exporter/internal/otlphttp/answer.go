package otlphttp

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/forward"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// TypeProtobuf is the media type of requests and of their answers.
const TypeProtobuf = "application/x-protobuf"

const (
	typeJSON  = "application/json"
	typeHTML  = "text/html"
	typeXHTML = "application/xhtml+xml"
)

// answer is what a destination sent back, of its body at most maxAnswer bytes.
type answer struct {
	forward.Answer
	points int64 // in the request
}

// mediaType returns the content type in lower case without its parameters,
// empty where there is none or it cannot be read.
func (a answer) mediaType() string {
	t, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil && t == "" {
		return ""
	}
	return t
}

// judge turns an answer into an outcome, nil for full acceptance.
func (t *transport) judge(a answer) *outcome.Error {
	if a.Status >= 200 && a.Status <= 299 {
		return t.judgeSuccess(a)
	}
	o := &outcome.Error{
		Status:     a.Status,
		RetryAfter: a.RetryAfter(t.now()),
	}
	switch {
	case a.Status == http.StatusBadRequest, a.Status == http.StatusRequestEntityTooLarge:
		o.Class = outcome.TooLarge
	case a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooManyRequests,
		a.Status >= 500 && a.Status <= 599:
		o.Class = outcome.Transient
	default:
		o.Class = outcome.Refused
	}
	o.Reason = fmt.Sprintf("%s (HTTP %d)", t.explain(a), a.Status)
	if m := t.message(a); m != "" {
		o.Reason += ": " + m
	}
	return o
}

// judgeSuccess judges a 2xx. OTLP knows only 200, but gateways answer 202 and
// 204; what decides is that the body is OTLP's, which is more than the status
// says: a captive portal answers 200 to everything.
func (t *transport) judgeSuccess(a answer) *outcome.Error {
	media := a.mediaType()
	r, ok := parseResponse(media, a.Body)
	switch {
	case media == TypeProtobuf:
		// Nobody but an OTLP receiver answers with this type, and it does so
		// when it is done. Whether the rest can be read changes nothing.
	case t.lenient && !a.isPage():
		// Taken for success, whatever is in it, rejected points excepted.
	case a.Cut != nil:
		return &outcome.Error{
			Class:  outcome.Transient,
			Status: a.Status,
			Reason: fmt.Sprintf("the answer of %s was cut off (HTTP %d)", t.host(), a.Status),
			Err:    redact.NewError(t.secrets.Excerpt(a.Cut.Error()), a.Cut),
		}
	case !ok:
		return &outcome.Error{
			Class:  outcome.Unknown,
			Status: a.Status,
			Reason: t.notOTLP(a, media),
			Advice: t.advice(a),
		}
	}
	if r.rejected <= 0 {
		return nil
	}
	reason := fmt.Sprintf("%s rejected %d of %d points", t.host(), r.rejected, a.points)
	if m := t.secrets.Excerpt(r.message); m != "" {
		reason += ": " + m
	}
	return &outcome.Error{
		Class:    outcome.Partial,
		Status:   a.Status,
		Rejected: min(r.rejected, a.points),
		Reason:   reason,
	}
}

// isPage reports whether the answer is HTML, by its type or by how it begins.
func (a answer) isPage() bool {
	media := a.mediaType()
	if media == typeHTML || media == typeXHTML {
		return true
	}
	body := bytes.TrimPrefix(a.Body, []byte("\xef\xbb\xbf"))
	begin := strings.ToLower(string(bytes.TrimSpace(body[:min(len(body), 1024)])))
	if strings.HasPrefix(begin, "<") && (strings.Contains(begin, "<html") || strings.Contains(begin, "<!doctype html")) {
		return true // also behind an XML declaration
	}
	return strings.HasPrefix(http.DetectContentType(body), typeHTML)
}

// advice says what helps when the destination takes the data and its answers do
// not say so. A page is none of its answers.
func (t *transport) advice(a answer) string {
	if a.isPage() {
		return ""
	}
	return t.host() + " must answer with an ExportMetricsServiceResponse as application/x-protobuf," +
		" or with an empty body; if it cannot and has the data, use " + t.name + ".WithLenientAnswers"
}

func (t *transport) notOTLP(a answer, media string) string {
	switch media {
	case typeHTML:
		return fmt.Sprintf("a web page came instead of an OTLP answer (HTTP %d): a login page of the network, or the wrong URL", a.Status)
	case "":
		media = "no content type"
	}
	s := fmt.Sprintf("%s sent no OTLP answer (HTTP %d, %s)", t.host(), a.Status, t.secrets.Excerpt(media))
	if m := t.message(a); m != "" {
		s += ": " + m
	}
	return s
}

// explain says in a few words what a status that is no success means here.
func (t *transport) explain(a answer) string {
	host := a.From
	switch a.Status {
	case http.StatusBadRequest:
		return host + " could not take the request"
	case http.StatusUnauthorized:
		return host + " wants other credentials"
	case http.StatusForbidden:
		return host + " does not allow this"
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return host + " takes no metrics at this path, the usual one is " + DefaultPath
	case http.StatusProxyAuthRequired:
		return "the proxy wants credentials"
	case http.StatusRequestTimeout:
		return host + " waited too long for the request"
	case http.StatusRequestEntityTooLarge:
		return host + " finds the request too large"
	case http.StatusUnsupportedMediaType:
		return host + " does not take OTLP in protobuf or this compression"
	case http.StatusTooManyRequests:
		return host + " asks for fewer requests"
	case http.StatusServiceUnavailable:
		return host + " is busy or down"
	}
	switch {
	case a.Status >= 300 && a.Status <= 399:
		return host + " redirects" + a.RedirectTarget(t.endpoint, t.secrets) + ", which is not followed"
	case a.Status >= 500 && a.Status <= 599:
		return host + " failed"
	}
	return host + " refused the request"
}

// message is what the destination wrote, fit for a reason. Web pages are left
// out: their first bytes say nothing.
func (t *transport) message(a answer) string {
	switch a.mediaType() {
	case typeHTML:
		return ""
	case TypeProtobuf:
		return t.secrets.Excerpt(statusMessage(a.Body))
	}
	return t.secrets.Excerpt(strings.TrimSpace(string(a.Body)))
}
