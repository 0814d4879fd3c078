package view

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// serve serves a mirror until the test ends, and returns where.
func serve(t *testing.T, m *mirror, address string, opts ...Option) *url.URL {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	urls, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- Serve(ctx, m.Path(), address, func(url string) { urls <- url }, opts...) }()
	t.Cleanup(func() { cancel(); <-ended })
	select {
	case at := <-urls:
		u, err := url.Parse(at)
		must(t, err)
		return u
	case err := <-ended:
		t.Fatal(err)
	}
	return nil
}

// ask makes one request on a connection of its own.
func ask(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	must(t, err)
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	must(t, err)
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	must(t, err)
	answer.Body = io.NopCloser(strings.NewReader(string(b))) // to be read again
	return answer, string(b)
}

// say sends a request as it is written, and returns what comes back until the
// server closes the connection.
func say(t *testing.T, address, request string) string {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	must(t, err)
	defer c.Close()
	_, err = io.WriteString(c, request)
	must(t, err)
	must(t, c.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(c)
	must(t, err)
	return string(answer)
}

// TestWithoutTheSecretThereIsNothing: no local user who finds the port reads
// anything, or switches.
func TestWithoutTheSecretThereIsNothing(t *testing.T) {
	m := newMirror(t)
	at := serve(t, m, "")
	secret := strings.Trim(at.Path, "/")
	if len(secret) < 26 { // of 32 letters each: 128 bits
		t.Errorf("the secret is %q", secret)
	}
	base := "http://" + at.Host
	answer, page := ask(t, "GET", at.String(), "")
	wantStatus(t, answer, http.StatusOK)
	token := page[strings.Index(page, `name="usage-token" content="`)+len(`name="usage-token" content="`):][:26]
	if strings.Contains(page, secret) {
		t.Error("the page quotes the secret, which may be copied from it")
	}
	for _, target := range []string{"", "/", "//", "/data", "/usage.json", "/style.css", "/favicon.ico", "/consent", "/erase", "/" + token + "/", "/" + secret[:25] + "/",
		"/" + secret + "x/", "/x" + secret + "/", "/" + strings.ToLower(secret) + "/data", "//" + secret + "/data", "/x/../" + secret + "/data", "/?" + secret} {
		for _, method := range []string{"GET", "POST", "OPTIONS"} {
			answer, body := ask(t, method, base+target, `{"mode":"on"}`, tokenHeader, token)
			if answer.StatusCode != http.StatusNotFound || strings.Contains(body, "quests") || strings.Contains(body, secret) {
				t.Errorf("%s %s: %d %s", method, target, answer.StatusCode, body)
			}
			if answer.Header.Get("Referrer-Policy") != "no-referrer" || !answer.Close {
				t.Errorf("%s %s: %v", method, target, answer.Header)
			}
		}
	}
	if m.mode(t) != localstore.ModeUnset {
		t.Error("somebody switched")
	}
	if got := say(t, at.Host, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 404 ") {
		t.Errorf("OPTIONS *: %s", got)
	}
	for target, want := range map[string]int{"data": 200, "style.css": 200, "missing": 404, "consent": 405} {
		answer, _ := ask(t, "GET", at.String()+target, "")
		wantStatus(t, answer, want)
		if answer.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: the secret may be sent as a referrer", target)
		}
	}
	answer, _ = ask(t, "POST", at.String()+"consent", `{"mode":"on"}`, tokenHeader, token, "Origin", base, "Sec-Fetch-Site", "same-origin")
	wantStatus(t, answer, http.StatusOK)
	if m.mode(t) != localstore.ModeOn {
		t.Error("the owner cannot switch")
	}
	if again := serve(t, m, ""); again.Path == at.Path {
		t.Error("the next start has the same secret")
	}
}

// TestOwnerReachesThePageOnAllInterfaces under each name of the machine, and
// nobody without the secret.
func TestOwnerReachesThePageOnAllInterfaces(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0"} {
		at := serve(t, newMirror(t), address)
		if ip := net.ParseIP(at.Hostname()); ip == nil || ip.IsUnspecified() {
			t.Errorf("%s: the URL is %s", address, at)
		}
		loopback := "http://127.0.0.1:" + at.Port()
		for name, c := range map[string]struct {
			url  string
			host string
			want int
		}{
			"the printed URL":          {at.String(), at.Host, 200},
			"loopback":                 {loopback + at.Path, "127.0.0.1", 200},
			"a name of the machine":    {loopback + at.Path, "desk.local:" + at.Port(), 200},
			"no secret":                {"http://" + at.Host + "/", at.Host, 404},
			"no secret, on loopback":   {loopback + "/data", "localhost", 404},
			"a rebound name":           {loopback + "/data", "evil.example", 404},
			"without the slash at end": {loopback + strings.TrimSuffix(at.Path, "/"), "127.0.0.1", 301},
		} {
			answer, _ := ask(t, "GET", c.url, "", "Host", c.host)
			if answer.StatusCode != c.want {
				t.Errorf("%s: %s: %d, want %d", address, name, answer.StatusCode, c.want)
			}
		}
	}
}

func TestServeAsksTheAuthorizationToo(t *testing.T) {
	at := serve(t, newMirror(t), "", WithAuthorization(func(*http.Request) bool { return false }))
	answer, _ := ask(t, "GET", at.String(), "")
	wantStatus(t, answer, http.StatusForbidden)
}
