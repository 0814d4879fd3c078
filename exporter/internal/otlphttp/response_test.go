package otlphttp

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/forward"
	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

const loginPage = "<!DOCTYPE html><html><body>Please log in</body></html>"

// rpcStatus is google.rpc.Status{code: 3, message: "bad point"}.
const rpcStatus = "\x08\x03\x12\x09bad point"

// success encodes an answer with a partial success.
func success(t testing.TB, rejected int64, message string) string {
	t.Helper()
	b, err := proto.Marshal(&colmetricpb.ExportMetricsServiceResponse{
		PartialSuccess: &colmetricpb.ExportMetricsPartialSuccess{RejectedDataPoints: rejected, ErrorMessage: message},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestExcerpt(t *testing.T) {
	r := newRedactor(http.Header{"Authorization": {"Bearer abc123"}, "K": {"v"}, "Cookie": {`a=s3cret; b="pass word"`}})
	for in, want := range map[string]string{
		"":                                     "",
		" a\r\n\tb\x00c ":                      "a b c",
		"abc123 is wrong":                      redact.Placeholder + " is wrong",
		"Bearer abc123":                        redact.Placeholder,
		"Bearer is wrong":                      "Bearer is wrong",
		"v":                                    "v",
		"s3cret":                               redact.Placeholder,
		"http://me:pw@proxy:1/x":               "http://" + redact.Placeholder + "@proxy:1/x",
		"\xff":                                 "\uFFFD",
		strings.Repeat("x", redact.MaxExcerpt): strings.Repeat("x", redact.MaxExcerpt),
	} {
		if got := r.Excerpt(in); got != want {
			t.Errorf("excerpt of %q is %q, want %q", in, got, want)
		}
	}
	for n := range 8 {
		got := redact.Shorten(strings.Repeat("a", n) + strings.Repeat("€", 100))
		if len(got) > redact.MaxExcerpt || !utf8.ValidString(got) || !strings.HasSuffix(got, "...") {
			t.Errorf("excerpt is %q", got)
		}
	}
}

func TestStatusMessage(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "",
		rpcStatus:                "bad point",
		"\x12\x02hi\x1a\x00":     "hi",
		"\x1a\x01x\x12\x02hi":    "hi",
		"\x12\x7fhi":             "",
		"\x08":                   "",
		"\xff\xff\xff\xff\xff":   "",
		"<html>no protobuf here": "",
	} {
		if got := statusMessage([]byte(in)); got != want {
			t.Errorf("message of %q is %q, want %q", in, got, want)
		}
	}
}

// FuzzAnswer holds that no answer panics, that only a 2xx is accepted, that a
// web page never is, and that reasons are short lines without secrets.
func FuzzAnswer(f *testing.F) {
	bodies := []string{"", "{}", `{"partialSuccess":{"rejectedDataPoints":"3"}}`, loginPage, rpcStatus,
		success(f, 2, "old"), success(f, 0, "hi"), "hunter2"}
	for _, status := range []int{200, 204, 302, 400, 401, 413, 429, 503} {
		for _, contentType := range []string{"", TypeProtobuf, typeJSON, typeHTML, "text/html; charset", ";;"} {
			for _, body := range bodies {
				f.Add(status, contentType, "https://u:p@h/?q", []byte(body), false)
				f.Add(status, contentType, "//hunter2", []byte(body), true)
			}
		}
	}
	endpoint := &url.URL{Scheme: "https", Host: "h"}
	headers := http.Header{"Key": {"hunter2"}}
	tr := &transport{endpoint: endpoint, headers: func() http.Header { return headers }, secrets: newRedactor(headers), now: time.Now}
	f.Fuzz(func(t *testing.T, status int, contentType, location string, body []byte, cut bool) {
		a := answer{points: 10, Answer: forward.Answer{
			Status: status, Body: body, From: endpoint.Host,
			Header: http.Header{"Content-Type": {contentType}, "Location": {location}},
		}}
		if cut {
			a.Cut = io.ErrUnexpectedEOF
		}
		o := tr.judge(a)
		if o == nil {
			if status < 200 || status > 299 || contentType == typeHTML && len(strings.TrimSpace(string(body))) > 0 {
				t.Errorf("%d %q %q is accepted", status, contentType, body)
			}
			return
		}
		if o.Class == outcome.Partial && (o.Rejected < 1 || o.Rejected > a.points) {
			t.Errorf("%d of %d points are rejected", o.Rejected, a.points)
		}
		if o.Reason == "" || len(o.Reason) > 2*redact.MaxExcerpt+100 || !utf8.ValidString(o.Reason) ||
			strings.ContainsAny(o.Reason, "\r\n") || strings.Contains(o.Reason, "hunter2") {
			t.Errorf("reason is %q", o.Reason)
		}
	})
}
