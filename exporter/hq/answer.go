package hq

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/retryafter"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// success is the only text by which HQ accepts an upload.
const success = "Success"

// refusals are the texts by which HQ refuses one, with HTTP 200.
var refusals = map[string]struct {
	err     error
	explain string
}{
	"Upload failed":                    {ErrUnknownKey, "check the key and the host it belongs to"},
	"Missing API Key.":                 {ErrMissingKey, "something on the way changes what is sent, or this is another version of HQ"},
	"User does not belong to a group.": {ErrNoGroup, "its owner has to join or make one at the server"},
}

// answer is what a server sent back.
type answer struct {
	status int
	header http.Header
	body   []byte // at most maxAnswer+1 bytes
	cut    error  // why the body ended early, or nil
	from   string // who answered, as reasons name it
}

// judge turns an answer into an outcome, nil for acceptance.
func (c *client) judge(a answer) *outcome.Error {
	o := c.classify(a)
	if o != nil {
		o.Reason = c.secret.Own(o.Reason)
	}
	return o
}

func (c *client) classify(a answer) *outcome.Error {
	o := &outcome.Error{Status: a.status}
	if a.status >= 300 {
		o.RetryAfter = retryafter.Parse(a.header, c.now())
	}
	text, whole := a.text()
	refusal, known := refusals[text]
	known = known && whole
	host := a.from

	switch {
	case a.cut != nil && a.status == http.StatusOK:
		o.Class, o.Err = outcome.Transient, redact.NewError("the answer was cut off", a.cut)
		o.Reason = "the answer of " + host + " was cut off"
	case a.status == http.StatusOK && text == success:
		return nil
	case known && (a.status == http.StatusOK || a.rejected()):
		o.Class, o.Err = outcome.Refused, refusal.err
		o.Reason = fmt.Sprintf("%s (%q): %s", refusal.err, text, refusal.explain)
		return o
	case a.status >= 200 && a.status <= 299:
		o.Class, o.Err = outcome.Unknown, ErrUnexpectedAnswer
		o.Reason = host + " did not answer as HQ does"
		if a.html() {
			o.Reason = "a web page came instead of HQ's answer: a login page of the network, or the wrong host"
		}
	case a.status >= 300 && a.status <= 399:
		o.Class, o.Err = outcome.Refused, ErrRedirect
		o.Reason = host + " redirects" + c.target(a) + ", which is not followed: give that host if it is right"
	case a.status == http.StatusInternalServerError:
		o.Class, o.Err = outcome.Transient, ErrServer
		o.Reason = "HQ failed on the upload: it is in trouble, or it has another version of this application and its tables are init_db.py's, which take only one"
	case a.rejected():
		o.Class, o.Err = outcome.Refused, ErrRejected
		o.Reason = a.explain(host)
	case a.status == http.StatusRequestTimeout, a.status == http.StatusTooManyRequests, a.status >= 500 && a.status <= 599:
		o.Class, o.Err = outcome.Transient, ErrUnavailable
		o.Reason = host + " is busy or down"
	default:
		o.Class, o.Err = outcome.Unknown, ErrUnexpectedAnswer
		o.Reason = host + " answered with a status that is none for an upload"
	}
	o.Reason += fmt.Sprintf(" (HTTP %d)", a.status)
	if !a.html() && whole {
		if quoted := c.secret.Excerpt(text); quoted != "" {
			o.Reason += ": " + quoted
		}
	}
	return o
}

// text returns the body without surrounding white space, and whether that is
// all of it.
func (a answer) text() (text string, whole bool) {
	if len(a.body) > maxAnswer {
		return "", false
	}
	return strings.TrimSpace(string(a.body)), a.cut == nil
}

// html reports whether the answer is a web page. HQ calls its own answers
// text/html, so the text decides.
func (a answer) html() bool {
	if strings.HasPrefix(strings.TrimSpace(string(a.body)), "<") {
		return true
	}
	media, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	return media == "text/html" && len(a.body) > maxAnswer
}

// rejected reports whether the status is a 4xx that waiting does not mend.
func (a answer) rejected() bool {
	return a.status >= 400 && a.status <= 499 &&
		a.status != http.StatusRequestTimeout && a.status != http.StatusTooManyRequests
}

// explain says in a few words what a 4xx means here.
func (a answer) explain(host string) string {
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return host + " does not allow this"
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return host + " takes no uploads at this path: the host may be wrong"
	case http.StatusProxyAuthRequired:
		return "the proxy wants credentials"
	case http.StatusRequestEntityTooLarge:
		return host + " finds the upload too large"
	}
	return host + " rejected the upload"
}

// target says where a redirect points, without its path and query, which may
// hold secrets. The key goes first: parsing could leave half of it as the host.
func (c *client) target(a answer) string {
	location, err := url.Parse(c.secret.Clean(a.header.Get("Location")))
	if err != nil || location.String() == "" {
		return ""
	}
	to := c.endpoint.ResolveReference(location)
	if to.Host == "" {
		return ""
	}
	if host := c.secret.Excerpt(to.Scheme + "://" + to.Host); host != "" {
		return " to " + host
	}
	return ""
}
