package view

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// tokenOf takes the token from the page, as its script does.
func tokenOf(t testing.TB, h http.Handler) string {
	t.Helper()
	m := regexp.MustCompile(`name="usage-token" content="([^"]*)"`).FindStringSubmatch(text(t, call(h, "GET", "/", "")))
	if m == nil {
		t.Fatal("the page has no token")
	}
	return m[1]
}

func TestConsentIsSwitched(t *testing.T) {
	m := newMirror(t)
	h := newHandler(t, m.Store)
	token := tokenOf(t, h)
	for _, mode := range []localstore.Mode{localstore.ModeOn, localstore.ModeLocal, localstore.ModeOff} {
		r := call(h, "POST", "/consent", fmt.Sprintf(`{"mode":%q}`, mode), tokenHeader, token, "Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:8080")
		wantStatus(t, r, http.StatusOK)
		if got := text(t, r); !strings.Contains(got, fmt.Sprintf(`"mode":%q`, mode)) {
			t.Errorf("answer %s", got)
		}
		if got := m.mode(t); got != mode {
			t.Errorf("mode %v, want %v", got, mode)
		}
	}
	for _, body := range []string{"", "on", `{}`, `{"mode":"unset"}`, `{"mode":"ON"}`, `{"mode":1}`, `{"mode":"` + strings.Repeat("x", maxBody) + `"}`} {
		wantStatus(t, call(h, "POST", "/consent", body, tokenHeader, token), http.StatusBadRequest)
	}
	if got := m.mode(t); got != localstore.ModeOff {
		t.Errorf("a bad request changed the mode to %v", got)
	}
}

func TestErase(t *testing.T) {
	m := newMirror(t)
	h := newHandler(t, m.Store)
	id := m.InstallationID()
	r := call(h, "POST", "/erase", "{}", tokenHeader, tokenOf(t, h))
	wantStatus(t, r, http.StatusOK)
	if m.InstallationID() == id || strings.Contains(text(t, call(h, "GET", "/data", "")), "quests") {
		t.Error("not erased")
	}
}

// TestForeignRequestsChangeNothing has what other sites can bring a browser to
// send, and what programs can that never saw the page.
func TestForeignRequestsChangeNothing(t *testing.T) {
	m := newMirror(t)
	h := newHandler(t, m.Store)
	token := tokenOf(t, h)
	id := m.InstallationID()
	for name, headers := range map[string][]string{
		"no token":           {},
		"an empty token":     {tokenHeader, ""},
		"a wrong token":      {tokenHeader, strings.ToLower(token)},
		"half a token":       {tokenHeader, token[:5]},
		"another handler's":  {tokenHeader, tokenOf(t, newHandler(t, m.Store))},
		"another site":       {tokenHeader, token, "Sec-Fetch-Site", "cross-site"},
		"a sibling site":     {tokenHeader, token, "Sec-Fetch-Site", "same-site"},
		"another origin":     {tokenHeader, token, "Origin", "http://evil.example"},
		"another port":       {tokenHeader, token, "Origin", "http://127.0.0.1:9999"},
		"no origin":          {tokenHeader, token, "Origin", "null"},
		"a rebound name":     {tokenHeader, token, "Host", "evil.example"},
		"a rebound port":     {tokenHeader, token, "Host", "evil.example:8080", "Origin", "http://evil.example:8080"},
		"a form":             {"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site"},
		"a form, old client": {"Content-Type", "text/plain"},
	} {
		for target, body := range map[string]string{"/consent": `{"mode":"on"}`, "/erase": "{}"} {
			r := call(h, "POST", target, body, headers...)
			if r.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %s answered %d", name, target, r.StatusCode)
			}
		}
	}
	if m.mode(t) != localstore.ModeUnset || m.InstallationID() != id {
		t.Error("the mirror was changed")
	}
}

func TestHosts(t *testing.T) {
	h := newHandler(t, newMirror(t).Store, WithHosts("Usage.Example.com", "[fe80::1]"))
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:1": 200, "127.0.0.1": 200, "127.8.9.1:80": 200, "[::1]": 200, "[::1]:8080": 200,
		"usage.example.com": 200, "usage.example.com:443": 200, "[fe80::1]:80": 200,
		"evil.example": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example:80": 403, "192.168.1.5": 403, "0.0.0.0": 403,
		"": 403, "[": 403, "usage.example.com.evil": 403, "localhost@evil.example": 403,
	} {
		for _, target := range []string{"/", "/data", "/style.css", "/missing"} {
			got := call(h, "GET", target, "", "Host", host).StatusCode
			if want == 403 && got != 403 || want == 200 && got == 403 {
				t.Errorf("host %q: %s answered %d", host, target, got)
			}
		}
	}
}

func TestReadOnlyMirrorHasNoSwitches(t *testing.T) {
	m := newMirror(t)
	store, err := localstore.Open(m.Path(), localstore.ReadOnly())
	must(t, err)
	defer store.Close()
	h := newHandler(t, store)
	if token := tokenOf(t, h); token != "" {
		t.Errorf("the page has the token %q", token)
	}
	if !strings.Contains(text(t, call(h, "GET", "/", "")), readOnlyReason) {
		t.Error("the page does not say why")
	}
	for _, token := range []string{"", h.token} {
		wantStatus(t, call(h, "POST", "/consent", `{"mode":"on"}`, tokenHeader, token), http.StatusForbidden)
		wantStatus(t, call(h, "POST", "/erase", "{}", tokenHeader, token), http.StatusForbidden)
	}
	wantStatus(t, call(h, "GET", "/data", ""), http.StatusOK)
}

// usage is an application's own idea of consent.
type usage struct {
	consent localstore.Consent
	calls   []string
	err     error
}

func (u *usage) Consent(context.Context) (localstore.Consent, error) { return u.consent, nil }
func (u *usage) Enable(context.Context) error                        { return u.called("enable") }
func (u *usage) Disable(context.Context) error                       { return u.called("disable") }
func (u *usage) Erase(context.Context) error                         { return u.called("erase") }

func (u *usage) called(name string) error {
	u.calls = append(u.calls, name)
	return u.err
}

func TestControlsOfTheApplication(t *testing.T) {
	u := &usage{consent: localstore.Consent{Mode: localstore.ModeOn, Reason: "DO_NOT_TRACK is set"}}
	m := newMirror(t)
	h := newHandler(t, m.Store, WithControls(u))
	token := tokenOf(t, h)
	if got := text(t, call(h, "GET", "/data", "")); !strings.Contains(got, u.consent.Reason) {
		t.Errorf("data does not say why: %s", got)
	}
	for _, body := range []string{`{"mode":"on"}`, `{"mode":"local"}`, `{"mode":"off"}`} {
		wantStatus(t, call(h, "POST", "/consent", body, tokenHeader, token), http.StatusOK)
	}
	wantStatus(t, call(h, "POST", "/erase", "{}", tokenHeader, token), http.StatusOK)
	if got := strings.Join(u.calls, " "); got != "enable disable erase" {
		t.Errorf("calls: %s", got)
	}
	if m.mode(t) != localstore.ModeOff {
		t.Error("off did not reach the mirror")
	}
}

func TestErasePendingIsSaid(t *testing.T) {
	var errors errorList
	u := &usage{err: fmt.Errorf("erase: %w", localstore.ErrErasePending)}
	h := newHandler(t, newMirror(t).Store, WithControls(u), WithErrorHandler(errors.add))
	r := call(h, "POST", "/erase", "{}", tokenHeader, tokenOf(t, h))
	wantStatus(t, r, http.StatusOK)
	if got := text(t, r); !strings.Contains(got, "at the next start") || len(errors.list) != 1 {
		t.Errorf("answer %s, errors %v", got, errors.list)
	}
}

func TestAGoneBrowserUndoesNothing(t *testing.T) {
	m := newMirror(t)
	h := newHandler(t, m.Store)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := http.NewRequestWithContext(ctx, "POST", "/consent", strings.NewReader(`{"mode":"local"}`))
	must(t, err)
	r.Host = "localhost"
	r.Header.Set(tokenHeader, tokenOf(t, h))
	h.ServeHTTP(discard{}, r)
	if m.mode(t) != localstore.ModeLocal {
		t.Error("the decision was lost")
	}
}

// discard is the ResponseWriter of a browser that went away.
type discard struct{}

func (discard) Header() http.Header         { return make(http.Header) }
func (discard) Write(b []byte) (int, error) { return 0, http.ErrHandlerTimeout }
func (discard) WriteHeader(int)             {}

// TestADecisionThatDoesNotHoldIsSaid: what lies in the decision file's place is
// not the person's to change.
func TestADecisionThatDoesNotHoldIsSaid(t *testing.T) {
	m := newMirror(t)
	var told errorList
	h := newHandler(t, m.Store, WithErrorHandler(told.add))
	token := tokenOf(t, h)
	if err := os.Mkdir(m.Path()+".consent", 0o700); err != nil {
		t.Fatal(err)
	}
	r := call(h, "POST", "/consent", `{"mode":"on"}`, tokenHeader, token)
	wantStatus(t, r, http.StatusForbidden)
	if got := text(t, r); !strings.Contains(got, "The stricter setting applies.") {
		t.Errorf("answer %s", got)
	}
	r = call(h, "POST", "/consent", `{"mode":"off"}`, tokenHeader, token)
	wantStatus(t, r, http.StatusOK)
}
