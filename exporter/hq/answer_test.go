package hq

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/forward"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

const loginPage = "<!DOCTYPE html><html><body>Please log in</body></html>"

func TestEveryAnswerHasItsOutcome(t *testing.T) {
	header := func(name, value string, h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(name, value)
			h(w, r)
		}
	}
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, success)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	for name, tt := range map[string]struct {
		answer     http.HandlerFunc
		class      outcome.Class
		status     int
		err        error // nil where nothing is to be told apart
		retryAfter time.Duration
		reason     string // is part of it
	}{
		"unknown key":        {reply(200, "text/html", "Upload failed"), outcome.Refused, 200, ErrUnknownKey, 0, "does not know the API key"},
		"unknown key, space": {reply(200, "text/plain", "\r\nUpload failed \n"), outcome.Refused, 200, ErrUnknownKey, 0, ""},
		"unknown key, 403":   {reply(403, "text/plain", "Upload failed"), outcome.Refused, 403, ErrUnknownKey, 0, ""},
		"missing key":        {reply(200, "text/html", "Missing API Key."), outcome.Refused, 200, ErrMissingKey, 0, "no API key"},
		"no group":           {reply(200, "text/html", "User does not belong to a group."), outcome.Refused, 200, ErrNoGroup, 0, "group"},
		"empty":              {reply(200, "text/html", ""), outcome.Unknown, 200, ErrUnexpectedAnswer, 0, "did not answer as HQ"},
		"web page":           {reply(200, "text/html", loginPage), outcome.Unknown, 200, ErrUnexpectedAnswer, 0, "web page"},
		"web page of text":   {reply(200, "text/plain", " \n"+loginPage), outcome.Unknown, 200, ErrUnexpectedAnswer, 0, "web page"},
		"large web page":     {reply(200, "text/html", strings.Repeat("x", 3*maxAnswer)), outcome.Unknown, 200, ErrUnexpectedAnswer, 0, "web page"},
		"lower case":         {reply(200, "text/html", "success"), outcome.Unknown, 200, ErrUnexpectedAnswer, 0, ": success"},
		"more than success":  {reply(200, "text/html", "Success!"), outcome.Unknown, 200, ErrUnexpectedAnswer, 0, ": Success!"},
		"success in a page":  {reply(200, "text/html", "<p>Success</p>"), outcome.Unknown, 200, ErrUnexpectedAnswer, 0, "web page"},
		"success and spaces": {reply(200, "text/html", success+strings.Repeat(" ", maxAnswer)+"x"), outcome.Unknown, 200, ErrUnexpectedAnswer, 0, ""},
		"JSON":               {reply(200, "application/json", `{"status": "Success"}`), outcome.Unknown, 200, ErrUnexpectedAnswer, 0, ""},
		"201 success":        {reply(201, "text/html", success), outcome.Unknown, 201, ErrUnexpectedAnswer, 0, ""},
		"204":                {reply(204, "text/html", ""), outcome.Unknown, 204, ErrUnexpectedAnswer, 0, ""},
		"binary":             {reply(200, "text/html", "\x00\xff\x1b[31m"+strings.Repeat("y", 1000)), outcome.Unknown, 200, ErrUnexpectedAnswer, 0, "..."},
		"cut off":            {cut, outcome.Transient, 200, io.ErrUnexpectedEOF, 0, "cut off"},
		"500":                {reply(500, "text/html", loginPage), outcome.Transient, 500, ErrServer, 0, "which take only one (HTTP 500)"},
		"500 success":        {reply(500, "text/html", success), outcome.Transient, 500, ErrServer, 0, ""},
		"502":                {reply(502, "text/html", "bad gateway"), outcome.Transient, 502, ErrUnavailable, 0, "bad gateway"},
		"503, seconds":       {header("Retry-After", "30", reply(503, "text/html", "")), outcome.Transient, 503, ErrUnavailable, 30 * time.Second, "busy"},
		"503, Upload failed": {reply(503, "text/html", "Upload failed"), outcome.Transient, 503, ErrUnavailable, 0, ""},
		"429, too long":      {header("Retry-After", "99999999999999999999", reply(429, "text/html", "")), outcome.Transient, 429, ErrUnavailable, forward.MaxRetryAfter, ""},
		"408":                {reply(408, "text/html", ""), outcome.Transient, 408, ErrUnavailable, 0, ""},
		"400":                {reply(400, "text/plain", "no"), outcome.Refused, 400, ErrRejected, 0, "rejected the upload (HTTP 400): no"},
		"401":                {reply(401, "text/html", ""), outcome.Refused, 401, ErrRejected, 0, "does not allow"},
		"404":                {reply(404, "text/html", loginPage), outcome.Refused, 404, ErrRejected, 0, "no uploads at this path"},
		"407":                {reply(407, "text/html", ""), outcome.Refused, 407, ErrRejected, 0, "proxy"},
		"413":                {reply(413, "text/html", ""), outcome.Refused, 413, ErrRejected, 0, "too large"},
		"304":                {reply(304, "text/html", ""), outcome.Refused, 304, ErrRedirect, 0, "redirects, which is not followed"},
		"600":                {reply(600, "text/html", ""), outcome.Unknown, 600, ErrUnexpectedAnswer, 0, "HTTP 600"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, tt.answer, nil)
			err := newExporter(t, Config{Host: s.URL}).Export(t.Context(), sample())
			o := outcomeOf(t, err)
			if o.Class != tt.class || o.Status != tt.status || o.RetryAfter != tt.retryAfter || !errors.Is(err, tt.err) {
				t.Errorf("got %v, %d, %v: %v", o.Class, o.Status, o.RetryAfter, err)
			}
			if !strings.Contains(o.Reason, tt.reason) {
				t.Errorf("%q does not say %q", o.Reason, tt.reason)
			}
			s.only(t) // and it was not tried again
		})
	}
}

func TestSuccessIsAccepted(t *testing.T) {
	for _, body := range []string{success, "Success\n", " \r\n Success\t"} {
		s := startServer(t, reply(200, "text/html", body), nil)
		if err := newExporter(t, Config{Host: s.URL}).Export(t.Context(), sample()); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	other := startServer(t, accept, nil)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{other.URL + "/login?next=" + url.QueryEscape(testKey), "//HUNTER2-zq7.example.com/", "/elsewhere", "http://[::1", ""} {
			s := startServer(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			}, nil)
			e := newExporter(t, Config{Host: s.URL, APIKey: "hunter2-zq7"})
			err := e.Export(t.Context(), sample())
			if o := outcomeOf(t, err); o.Class != outcome.Refused || o.Status != status || !errors.Is(err, ErrRedirect) {
				t.Errorf("%d to %q: %v", status, to, err)
			}
			if strings.HasPrefix(to, other.URL) && !strings.Contains(err.Error(), " to "+other.URL) {
				t.Errorf("%v does not say where to", err)
			}
			s.only(t)
		}
	}
	if n := len(other.requests()); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// A key with a slash in it is host and path of a URL.
func TestRedirectToTheKeyShowsNoPartOfIt(t *testing.T) {
	s := startServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://hunter2-zq7/x+y")
		w.WriteHeader(http.StatusFound)
	}, nil)
	err := newExporter(t, Config{Host: s.URL, APIKey: "Hunter2-Zq7/x+y"}).Export(t.Context(), sample())
	if outcomeOf(t, err); !errors.Is(err, ErrRedirect) || !strings.Contains(err.Error(), " to https://***") {
		t.Errorf("got %v", err)
	}
}

func TestNetworkFailuresAreTransient(t *testing.T) {
	lost := startServer(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}, nil)
	garbage := startServer(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, testKey+" is no key\r\n\r\n")
			_ = conn.Close()
		}
	}, nil)
	secure := startServer(t, accept, (*httptest.Server).StartTLS)
	plain := startServer(t, accept, nil)
	gone := startServer(t, accept, nil)
	gone.Close()
	for name, tt := range map[string]struct{ host, reason string }{
		"lost":       {lost.URL, "was lost before an answer came"},
		"garbage":    {garbage.URL, "cannot reach"},
		"unknown CA": {secure.URL, "is not trusted"},
		"no TLS":     {strings.Replace(plain.URL, "http:", "https:", 1), "does not speak TLS"},
		"gone":       {gone.URL, "cannot reach"},
	} {
		err := newExporter(t, Config{Host: tt.host}).Export(t.Context(), sample())
		o := outcomeOf(t, err)
		if o.Class != outcome.Transient || o.Status != 0 {
			t.Errorf("%s: %v: %v", name, o.Class, err)
		}
		if !strings.Contains(o.Reason, tt.reason) && name != "gone" { // how systems refuse differs
			t.Errorf("%s: %q does not say %q", name, o.Reason, tt.reason)
		}
	}
	lost.only(t) // it was not repeated
	if len(secure.requests())+len(plain.requests()) != 0 {
		t.Error("something was sent without trust")
	}
	err := newExporter(t, Config{Host: secure.URL}).Export(t.Context(), sample())
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("the cause cannot be told from %v", err)
	}
	c := newExporter(t, Config{Host: "hq.example.com"}).client
	if o := c.unreachable(&net.DNSError{Err: "no such host", Name: "hq.example.com"}); !strings.HasPrefix(o.Reason, "cannot resolve hq.example.com") {
		t.Errorf("a name that does not resolve is %q", o.Reason)
	}
}

func TestOwnCertificateAuthority(t *testing.T) {
	s := startServer(t, accept, (*httptest.Server).StartTLS)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	cfg := &tls.Config{RootCAs: pool}
	e := newExporter(t, Config{Host: strings.TrimPrefix(s.URL, "https://"), TLSConfig: cfg})
	cfg.RootCAs = nil // the configuration was cloned
	for range 2 {
		if err := e.Export(t.Context(), sample()); err != nil {
			t.Error(err)
		}
	}
}

func TestEchoedKeyIsRedacted(t *testing.T) {
	for _, form := range []string{
		testKey, strings.ToUpper(testKey), url.QueryEscape(testKey), url.PathEscape(testKey), html.EscapeString(testKey),
		`Hunter2-Zq7/\u003c\u0026\u003e+x`,
	} {
		for _, status := range []int{200, 400, 500, 503} {
			// The second is cut in the middle of where the key was, the third
			// beyond what is read.
			for _, before := range []string{"bad key ", strings.Repeat("z", redact.MaxExcerpt-8), strings.Repeat(" ", maxAnswer-8) + "y"} {
				s := startServer(t, reply(status, "text/plain", before+form+" is not known"), nil)
				outcomeOf(t, newExporter(t, Config{Host: s.URL}).Export(t.Context(), sample()))
			}
		}
	}
	// Nor is a key shown that was put elsewhere by mistake.
	rm := sample()
	rm.Resource = identity("hunter-two")
	err := newExporter(t, Config{Host: "h", APIKey: "hunter-two"}).Export(t.Context(), rm)
	if !errors.Is(err, ErrVersion) || strings.Contains(err.Error(), "hunter") {
		t.Errorf("got %v", err)
	}
	// What is too short to be found is not quoted at all.
	s := startServer(t, reply(200, "text/plain", "abc and more"), nil)
	if err := newExporter(t, Config{Host: s.URL, APIKey: "abc"}).Export(t.Context(), sample()); strings.Contains(err.Error(), "abc") {
		t.Errorf("a short key is shown: %v", err)
	}
}

func FuzzAnswer(f *testing.F) {
	for text := range refusals {
		f.Add(200, "text/html", text, "", "")
	}
	f.Add(200, "text/html", success, "", "")
	f.Add(200, "text/html", loginPage, "", "")
	f.Add(500, "", "the key "+testKey+" is wrong", "5", "")
	f.Add(302, "text/html", "", "", "https://"+url.PathEscape(testKey)+"/x")
	f.Add(429, "text/plain", strings.Repeat("\xff", 300), "Fri, 02 Jan 2026 03:04:05 GMT", "")
	e, err := New(Config{Host: "https://hq.example.com", APIKey: testKey})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, contentType, body, wait, location string) {
		a := answer{forward.Answer{Status: status, From: e.client.host(), Body: []byte(body[:min(len(body), maxAnswer+1)]),
			Header: http.Header{"Content-Type": {contentType}, "Retry-After": {wait}, "Location": {location}}}}
		o := e.client.judge(a)
		if accepted := status == 200 && strings.TrimSpace(body) == success && len(body) <= maxAnswer; accepted != (o == nil) {
			t.Fatalf("accepted is %v for %d %q", o == nil, status, body)
		}
		if o == nil {
			return
		}
		if o.Status != status || o.RetryAfter < 0 || o.RetryAfter > forward.MaxRetryAfter || o.Err == nil || o.Rejected != 0 {
			t.Errorf("outcome is %+v", o)
		}
		if o.Class == outcome.Partial || o.Class == outcome.TooLarge {
			t.Errorf("class is %v", o.Class)
		}
		if o.Reason == "" || len(o.Reason) > 1000 || !utf8.ValidString(o.Reason) || strings.ContainsAny(o.Reason, "\r\n\x1b") {
			t.Errorf("reason is %q", o.Reason)
		}
		if s := fmt.Sprintf("%s %+v", o, *o); strings.Contains(strings.ToLower(s), strings.ToLower(testKey)) {
			t.Errorf("the key is shown: %s", s)
		}
	})
}
