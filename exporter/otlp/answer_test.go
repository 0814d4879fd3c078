package otlp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	colmetricpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/redact"
	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// success encodes an answer with a partial success.
func success(t testing.TB, rejected int64, message string) string {
	t.Helper()
	b, err := proto.Marshal(partial(rejected, message))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func partial(rejected int64, message string) *colmetricpb.ExportMetricsServiceResponse {
	return &colmetricpb.ExportMetricsServiceResponse{
		PartialSuccess: &colmetricpb.ExportMetricsPartialSuccess{RejectedDataPoints: rejected, ErrorMessage: message},
	}
}

const loginPage = "<!DOCTYPE html><html><body>Please log in</body></html>"

// rpcStatus is google.rpc.Status{code: 3, message: "bad point"}.
const rpcStatus = "\x08\x03\x12\x09bad point"

func TestEveryAnswerHasItsOutcome(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		jsonPartial, err := protojson.Marshal(partial(2, "too old"))
		if err != nil {
			t.Fatal(err)
		}
		accepted := outcome.Class(-1)
		with := func(name, value string, h http.HandlerFunc) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(name, value)
				h(w, r)
			}
		}
		inHalfAMinute := func(h http.HandlerFunc) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				now := time.Now().UTC()
				w.Header().Set("Date", now.Format(http.TimeFormat))
				w.Header().Set("Retry-After", now.Add(30*time.Second).Format(http.TimeFormat))
				h(w, r)
			}
		}

		tests := []struct {
			name       string
			answer     http.HandlerFunc
			class      outcome.Class
			status     int
			rejected   int64
			retryAfter time.Duration
			reason     string // is part of it
		}{
			{name: "200 empty", answer: reply(200, "", ""), class: accepted},
			{name: "200 empty protobuf", answer: acceptAll, class: accepted},
			{name: "200 empty HTML", answer: reply(200, "text/html", ""), class: accepted},
			{name: "200 protobuf with charset", answer: reply(200, "Application/X-Protobuf; charset=utf-8", success(t, 0, "")), class: accepted},
			{name: "200 protobuf without type", answer: reply(200, "", success(t, 0, "hello")), class: accepted},
			{name: "200 octet-stream", answer: reply(200, "application/octet-stream", success(t, 0, "hello")), class: accepted},
			{name: "200 JSON empty object", answer: reply(200, "application/json", "{}"), class: accepted},
			{name: "200 JSON empty partial success", answer: reply(200, "application/json", `{"partialSuccess":{}}`), class: accepted},
			{name: "200 JSON null partial success", answer: reply(200, "application/json", `{"partialSuccess":null}`), class: accepted},
			{name: "202 empty", answer: reply(202, "", ""), class: accepted},
			{name: "204", answer: reply(204, "", ""), class: accepted},
			{name: "200 unreadable protobuf", answer: reply(200, typeProtobuf, "\xff\xff\xff"), class: accepted},
			{name: "200 protobuf larger than what is read", answer: reply(200, typeProtobuf, strings.Repeat("\xff", 192<<10)), class: accepted},
			{name: "partial success, 0 rejected", answer: reply(200, typeProtobuf, success(t, 0, "deprecated field")), class: accepted},
			{name: "partial success, less than 0 rejected", answer: reply(200, typeProtobuf, success(t, -1, "what")), class: accepted},
			{name: "partial success, n rejected", answer: reply(200, typeProtobuf, success(t, 2, "too old")),
				class: outcome.Partial, status: 200, rejected: 2, reason: "rejected 2 of 3 points: too old"},
			{name: "partial success, more rejected than sent", answer: reply(200, typeProtobuf, success(t, 1<<62, "")),
				class: outcome.Partial, status: 200, rejected: 3},
			{name: "partial success in JSON", answer: reply(200, "application/json", string(jsonPartial)),
				class: outcome.Partial, status: 200, rejected: 2, reason: "too old"},
			{name: "partial success in JSON with a number", answer: reply(200, "application/json", `{"partial_success":{"rejected_data_points":1,"error_message":"m"}}`),
				class: outcome.Partial, status: 200, rejected: 1, reason: "m"},
			{name: "200 HTML", answer: reply(200, "text/html; charset=utf-8", loginPage), class: outcome.Unknown, status: 200, reason: "web page"},
			{name: "200 HTML without type", answer: reply(200, "", loginPage), class: outcome.Unknown, status: 200, reason: "no content type"},
			{name: "200 text", answer: reply(200, "text/plain", "OK"), class: outcome.Unknown, status: 200, reason: "text/plain): OK"},
			{name: "200 other JSON", answer: reply(200, "application/json", `{"error":"log in"}`), class: outcome.Unknown, status: 200},
			{name: "200 broken JSON", answer: reply(200, "application/json", `{"partialSuccess"`), class: outcome.Unknown, status: 200},
			{name: "200 JSON null", answer: reply(200, "application/json", `null`), class: outcome.Unknown, status: 200},
			{name: "302 to a login page", answer: http.RedirectHandler("https://user:pw@login.example/in?token=abc", http.StatusFound).ServeHTTP,
				class: outcome.Refused, status: 302, reason: "redirects to https://login.example, which is not followed"},
			{name: "307 to the same host", answer: http.RedirectHandler("/other", http.StatusTemporaryRedirect).ServeHTTP, class: outcome.Refused, status: 307},
			{name: "308 without a location", answer: reply(308, "", ""), class: outcome.Refused, status: 308},
			{name: "400", answer: reply(400, typeProtobuf, rpcStatus), class: outcome.TooLarge, status: 400, reason: "(HTTP 400): bad point"},
			{name: "401", answer: reply(401, "text/plain", "no"), class: outcome.Refused, status: 401, reason: "wants other credentials"},
			{name: "403", answer: reply(403, "text/html", loginPage), class: outcome.Refused, status: 403},
			{name: "404", answer: http.NotFound, class: outcome.Refused, status: 404, reason: "/v1/metrics"},
			{name: "405", answer: reply(405, "", ""), class: outcome.Refused, status: 405},
			{name: "407", answer: reply(407, "", ""), class: outcome.Refused, status: 407, reason: "proxy"},
			{name: "408", answer: reply(408, "", ""), class: outcome.Transient, status: 408},
			{name: "413", answer: reply(413, "text/plain", "max 1 KB"), class: outcome.TooLarge, status: 413, reason: "max 1 KB"},
			{name: "415", answer: reply(415, "", ""), class: outcome.Refused, status: 415},
			{name: "429 without Retry-After", answer: reply(429, "", ""), class: outcome.Transient, status: 429},
			{name: "429 with seconds", answer: with("Retry-After", "7", reply(429, "", "")), class: outcome.Transient, status: 429, retryAfter: 7 * time.Second},
			{name: "429 with a date", answer: inHalfAMinute(reply(429, "", "")), class: outcome.Transient, status: 429, retryAfter: 30 * time.Second},
			{name: "503 with seconds", answer: with("Retry-After", "120", reply(503, typeProtobuf, rpcStatus)), class: outcome.Transient, status: 503, retryAfter: 2 * time.Minute, reason: "bad point"},
			{name: "503 with a date", answer: inHalfAMinute(reply(503, "", "")), class: outcome.Transient, status: 503, retryAfter: 30 * time.Second},
			{name: "503 with 10^12 seconds", answer: with("Retry-After", "1000000000000", reply(503, "", "")), class: outcome.Transient, status: 503, retryAfter: 24 * time.Hour},
			{name: "503 with garbage", answer: with("Retry-After", "soon", reply(503, "", "")), class: outcome.Transient, status: 503},
			{name: "500", answer: reply(500, "", ""), class: outcome.Transient, status: 500},
			{name: "501", answer: reply(501, "", ""), class: outcome.Transient, status: 501},
			{name: "502", answer: reply(502, "text/html", "<h1>Bad gateway</h1>"), class: outcome.Transient, status: 502},
			{name: "504", answer: reply(504, "", ""), class: outcome.Transient, status: 504},
			{name: "599", answer: reply(599, "", ""), class: outcome.Transient, status: 599},
			{name: "600", answer: reply(600, "", ""), class: outcome.Refused, status: 600},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r := startReceiver(t, tt.answer, nil)
				e := newExporter(t, WithEndpointURL(r.URL), WithProxy(nil))
				err := e.Export(t.Context(), delta(1, 2, 3))
				r.only(t)
				if tt.class == accepted {
					if err != nil {
						t.Fatalf("Export returned %v, want nil", err)
					}
					return
				}
				o := outcomeOf(t, err)
				if o.Class != tt.class || o.Status != tt.status || o.Rejected != tt.rejected || o.RetryAfter != tt.retryAfter {
					t.Errorf("got %v, status %d, rejected %d, retry after %v; want %v, %d, %d, %v", o.Class, o.Status, o.Rejected,
						o.RetryAfter, tt.class, tt.status, tt.rejected, tt.retryAfter)
				}
				if !strings.Contains(o.Reason, tt.reason) {
					t.Errorf("reason %q does not say %q", o.Reason, tt.reason)
				}
				for _, secret := range []string{"pw", "token", "/in"} {
					if strings.Contains(o.Reason, secret) {
						t.Errorf("reason %q holds %q", o.Reason, secret)
					}
				}
			})
		}
	})
}

// hijack lets f do what it likes with the connection.
func hijack(t *testing.T, f func(net.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		f(conn)
	}
}

func TestBodyCutOff(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		cutOff := func(contentType string) http.HandlerFunc {
			return hijack(t, func(c net.Conn) {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"+contentType+"\r\nhalf of")
			})
		}
		t.Run("of an OTLP answer was delivered", func(t *testing.T) {
			r := startReceiver(t, cutOff("Content-Type: application/x-protobuf\r\n"), nil)
			if err := newExporter(t, WithEndpointURL(r.URL)).Export(t.Context(), delta(1)); err != nil {
				t.Errorf("Export returned %v, want nil", err)
			}
			r.only(t)
		})
		for _, contentType := range []string{"", "Content-Type: text/html\r\n", "Content-Type: application/json\r\n"} {
			t.Run("of "+contentType+" was not", func(t *testing.T) {
				r := startReceiver(t, cutOff(contentType), nil)
				err := newExporter(t, WithEndpointURL(r.URL)).Export(t.Context(), delta(1))
				r.only(t)
				if o := outcomeOf(t, err); o.Class != outcome.Transient || !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("got %v (%v), want transient and the cause", o.Class, err)
				}
			})
		}
	})
}

func TestAnswerLost(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		r := startReceiver(t, hijack(t, func(net.Conn) {}), nil)
		err := newExporter(t, WithEndpointURL(r.URL)).Export(t.Context(), delta(1))
		r.only(t)
		if o := outcomeOf(t, err); o.Class != outcome.Transient || o.Status != 0 || !strings.Contains(o.Reason, "was lost") {
			t.Errorf("got %v %d %q", o.Class, o.Status, o.Reason)
		}
	})
}

func TestAnswerLostAfterAGoodOneIsNotRepeated(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		var n int
		lose := hijack(t, func(net.Conn) {})
		r := startReceiver(t, func(w http.ResponseWriter, req *http.Request) {
			if n++; n == 1 {
				acceptAll(w, req)
				return
			}
			lose(w, req)
		}, nil)
		e := newExporter(t, WithEndpointURL(r.URL))
		if err := e.Export(t.Context(), delta(1)); err != nil {
			t.Fatal(err)
		}
		if o := outcomeOf(t, e.Export(t.Context(), delta(2))); o.Class != outcome.Transient {
			t.Errorf("got %v", o.Class)
		}
		if got := len(r.requests()); got != 2 {
			t.Errorf("the receiver saw %d requests, want 2", got)
		}
	})
}

// A token with a slash in it is host and path of a URL.
func TestRedirectToATokenShowsNoPartOfIt(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		r := startReceiver(t, http.RedirectHandler("https://hunter2-zq7/x+y", http.StatusFound).ServeHTTP, nil)
		err := newExporter(t, WithEndpointURL(r.URL), WithHeaders(map[string]string{"Authorization": "Bearer hunter2-zq7/x+y"})).Export(t.Context(), delta(1))
		if o := outcomeOf(t, err); o.Class != outcome.Refused || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v: %v", o.Class, err)
		}
	})
}

func TestRedirectIsNotFollowed(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		login := startReceiver(t, acceptAll, nil)
		r := startReceiver(t, http.RedirectHandler(login.URL+"/login", http.StatusTemporaryRedirect).ServeHTTP, nil)
		err := newExporter(t, WithEndpointURL(r.URL)).Export(t.Context(), delta(1))
		r.only(t)
		if o := outcomeOf(t, err); o.Class != outcome.Refused || !strings.Contains(o.Reason, login.URL) {
			t.Errorf("got %v %q", o.Class, o.Reason)
		}
		if n := len(login.requests()); n != 0 {
			t.Errorf("the login page got %d requests", n)
		}
	})
}

func TestSilentServer(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		release := make(chan struct{})
		r := startReceiver(t, func(http.ResponseWriter, *http.Request) { <-release }, nil)
		defer close(release)
		e := newExporter(t, WithEndpointURL(r.URL), WithTimeout(50*time.Millisecond))
		err := e.Export(t.Context(), delta(1))
		if o := outcomeOf(t, err); o.Class != outcome.Transient || !errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(o.Reason, "50ms") {
			t.Errorf("got %v %q", o.Class, o.Reason)
		}
	})
}

func TestServerThatNeverFinishesItsBody(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		for contentType, delivered := range map[string]bool{typeProtobuf: true, "text/html": false} {
			release := make(chan struct{})
			r := startReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", contentType)
				_, _ = io.WriteString(w, "...")
				_ = http.NewResponseController(w).Flush()
				<-release
			}, nil)
			e := newExporter(t, WithEndpointURL(r.URL), WithTimeout(50*time.Millisecond))
			if err := e.Export(t.Context(), delta(1)); (err == nil) != delivered {
				t.Errorf("%s: got %v", contentType, err)
			}
			close(release)
		}
	})
}

func TestCallersContextEnds(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		arrived, release := make(chan struct{}), make(chan struct{})
		r := startReceiver(t, func(http.ResponseWriter, *http.Request) { close(arrived); <-release }, nil)
		defer close(release)
		e := newExporter(t, WithEndpointURL(r.URL))
		why := errors.New("the user closes the game")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { <-arrived; cancel(why) }()
		err := e.Export(ctx, delta(1))
		if o := outcomeOf(t, err); o.Class != outcome.Transient || !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
			t.Errorf("got %v %v", o.Class, err)
		}
		if err := e.Export(ctx, delta(1)); !errors.Is(err, context.Canceled) {
			t.Errorf("with a cancelled context: %v", err)
		}
		r.only(t)
	})
}

func TestNoReceiver(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		_ = l.Close()
		for endpoint, reason := range map[string]string{
			"http://" + addr:        "refuses connections",
			"http://nobody.invalid": "cannot resolve nobody.invalid",
		} {
			err := newExporter(t, WithEndpointURL(endpoint), WithProxy(nil)).Export(t.Context(), delta(1))
			if o := outcomeOf(t, err); o.Class != outcome.Transient || o.Status != 0 || !strings.Contains(o.Reason, reason) {
				t.Errorf("%s: got %v %q", endpoint, o.Class, o.Reason)
			}
		}
	})
}

func TestTLS(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		r := startReceiver(t, acceptAll, (*httptest.Server).StartTLS)
		pool := x509.NewCertPool()
		pool.AddCert(r.Certificate())

		trusting := newExporter(t, WithEndpointURL(r.URL), WithTLSConfig(&tls.Config{RootCAs: pool}))
		if err := trusting.Export(t.Context(), delta(1)); err != nil {
			t.Errorf("with its own CA: %v", err)
		}
		r.only(t)

		err := newExporter(t, WithEndpointURL(r.URL)).Export(t.Context(), delta(1))
		o := outcomeOf(t, err)
		if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok || o.Class != outcome.Transient ||
			!strings.Contains(o.Reason, "not trusted") {
			t.Errorf("unknown CA: got %v %q", o.Class, o.Reason)
		}

		plain := startReceiver(t, acceptAll, nil)
		err = newExporter(t, WithEndpointURL(strings.Replace(plain.URL, "http", "https", 1))).Export(t.Context(), delta(1))
		if o := outcomeOf(t, err); o.Class != outcome.Transient {
			t.Errorf("TLS to a plain server: got %v %q", o.Class, o.Reason)
		}
	})
}

func TestSecretsStayOutOfErrors(t *testing.T) {
	both(t, func(t *testing.T, newExporter maker) {
		long := strings.Repeat("é\n\x00", 300)
		r := startReceiver(t, func(w http.ResponseWriter, req *http.Request) {
			http.Error(w, "bad token hunter2 and "+req.Header.Get("Authorization")+long, http.StatusUnauthorized)
		}, nil)
		e := newExporter(t, WithEndpointURL(r.URL), WithHeaders(map[string]string{
			"authorization": "Bearer abc123", "X-Api-Key": "hunter2",
		}))
		o := outcomeOf(t, e.Export(t.Context(), delta(1)))
		if strings.Contains(o.Reason, "abc123") || strings.Contains(o.Reason, "hunter2") || !strings.Contains(o.Reason, redact.Placeholder) {
			t.Errorf("reason is %q", o.Reason)
		}
		if !utf8.ValidString(o.Reason) || len(o.Reason) > redact.MaxExcerpt+100 {
			t.Errorf("reason is %d bytes, valid %v", len(o.Reason), utf8.ValidString(o.Reason))
		}

		t.Run("of a proxy", func(t *testing.T) {
			e := newExporter(t, WithEndpointURL(r.URL), WithProxy(func(*http.Request) (*url.URL, error) {
				return nil, errors.New(`invalid proxy address "http://me:hunter3@[proxy"`)
			}))
			err := e.Export(t.Context(), delta(1))
			if o := outcomeOf(t, err); strings.Contains(o.Reason+o.Err.Error(), "hunter3") {
				t.Errorf("got %q, %q", o.Reason, o.Err)
			}
		})
	})
}
