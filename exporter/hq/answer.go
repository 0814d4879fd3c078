package hq

import (
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/forward"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
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

// answer is what a server sent back, of its body at most maxAnswer+1 bytes.
type answer struct{ forward.Answer }

// judge turns an answer into an outcome, nil for acceptance.
func (c *client) judge(a answer) *outcome.Error {
	o := c.classify(a)
	if o != nil {
		o.Reason = c.secret.Own(o.Reason)
	}
	return o
}

func (c *client) classify(a answer) *outcome.Error {
	o := &outcome.Error{Status: a.Status}
	if a.Status >= 300 {
		o.RetryAfter = a.RetryAfter(c.now())
	}
	text, whole := a.text()
	refusal, known := refusals[text]
	known = known && whole
	host := a.From

	switch {
	case a.Cut != nil && a.Status == http.StatusOK:
		o.Class, o.Err = outcome.Transient, redact.NewError("the answer was cut off", a.Cut)
		o.Reason = "the answer of " + host + " was cut off"
	case a.Status == http.StatusOK && text == success:
		return nil
	case known && (a.Status == http.StatusOK || a.rejected()):
		o.Class, o.Err = outcome.Refused, refusal.err
		o.Reason = fmt.Sprintf("%s (%q): %s", refusal.err, text, refusal.explain)
		return o
	case a.Status >= 200 && a.Status <= 299:
		o.Class, o.Err = outcome.Unknown, ErrUnexpectedAnswer
		o.Reason = host + " did not answer as HQ does"
		if a.html() {
			o.Reason = "a web page came instead of HQ's answer: a login page of the network, or the wrong host"
		}
	case a.Status >= 300 && a.Status <= 399:
		o.Class, o.Err = outcome.Refused, ErrRedirect
		o.Reason = host + " redirects" + a.RedirectTarget(c.endpoint, c.secret) + ", which is not followed: give that host if it is right"
	case a.Status == http.StatusInternalServerError:
		o.Class, o.Err = outcome.Transient, ErrServer
		o.Reason = "HQ failed on the upload: it is in trouble, or it has another version of this application and its tables are init_db.py's, which take only one"
	case a.rejected():
		o.Class, o.Err = outcome.Refused, ErrRejected
		o.Reason = a.explain(host)
	case a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooManyRequests, a.Status >= 500 && a.Status <= 599:
		o.Class, o.Err = outcome.Transient, ErrUnavailable
		o.Reason = host + " is busy or down"
	default:
		o.Class, o.Err = outcome.Unknown, ErrUnexpectedAnswer
		o.Reason = host + " answered with a status that is none for an upload"
	}
	o.Reason += fmt.Sprintf(" (HTTP %d)", a.Status)
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
	if len(a.Body) > maxAnswer {
		return "", false
	}
	return strings.TrimSpace(string(a.Body)), a.Cut == nil
}

// html reports whether the answer is a web page. HQ calls its own answers
// text/html, so the text decides.
func (a answer) html() bool {
	if strings.HasPrefix(strings.TrimSpace(string(a.Body)), "<") {
		return true
	}
	media, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	return media == "text/html" && len(a.Body) > maxAnswer
}

// rejected reports whether the status is a 4xx that waiting does not mend.
func (a answer) rejected() bool {
	return a.Status >= 400 && a.Status <= 499 &&
		a.Status != http.StatusRequestTimeout && a.Status != http.StatusTooManyRequests
}

// explain says in a few words what a 4xx means here.
func (a answer) explain(host string) string {
	switch a.Status {
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
