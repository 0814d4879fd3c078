package browsertest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/view"
)

// serve serves the application's mirror as usagemirror view does, and returns
// the URL that it prints.
func serve(t *testing.T, a *application, address string) *url.URL {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	urls, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- view.Serve(ctx, a.mirror.Path(), address, func(at string) { urls <- at }) }()
	t.Cleanup(func() { cancel(); <-ended })
	select {
	case at := <-urls:
		u, err := url.Parse(at)
		must(t, err)
		return u
	case err := <-ended:
		t.Fatal(err)
		return nil
	}
}

// switchTo clicks a switch and waits until the mirror has it.
func switchTo(t *testing.T, b *browser, a *application, mode localstore.Mode) {
	t.Helper()
	b.run(click("[data-mode=" + mode.String() + "]"))
	b.wait(fmt.Sprintf(`document.querySelector("[data-mode=%s]").ariaPressed === "true"`, mode))
	if got := a.mode(t); got != mode {
		t.Errorf("the mirror says %v, not %v", got, mode)
	}
}

// TestPrintedURLOpens on loopback, and on all interfaces under an address that
// others reach; its secret goes nowhere else.
func TestPrintedURLOpens(t *testing.T) {
	a := newApplication(t)
	for i, address := range []string{"", "0.0.0.0:0"} {
		at := serve(t, a, address)
		t.Logf("listening at %q, printed %s", address, at)
		if strings.HasPrefix(at.Hostname(), "127.") != (address == "") {
			t.Errorf("%q is printed as %s", address, at)
		}
		b := start(t, at.String())
		b.wait(shown)
		switchTo(t, b, a, []localstore.Mode{localstore.ModeLocal, localstore.ModeOn}[i])
		b.picture("owner" + strings.ReplaceAll(address, ":", "-"))

		referers := make(chan string, 10)
		elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { referers <- r.Referer() }))
		defer elsewhere.Close()
		b.expect(elsewhere.URL)
		b.run(script(`setTimeout(() => { location.href = "` + elsewhere.URL + `"; })`))
		if got := <-referers; got != "" {
			t.Errorf("another site is told %s", got)
		}
	}
}

func TestWithoutTheSecretABrowserSeesNothing(t *testing.T) {
	a := newApplication(t)
	at := serve(t, a, "")
	b := start(t, "about:blank")
	b.expect("http://127.0.0.1")
	for _, path := range []string{"/", "/data", "/usage/", strings.ToLower(at.Path)} {
		b.run(chromedp.Navigate("http://" + at.Host + path))
		if got := evaluate[string](b, `document.body.innerText`); !strings.Contains(got, "There is nothing here.") {
			t.Errorf("%s shows %s", path, got)
		}
	}
	b.picture("stranger")
}

// TestPageBehindAnAuthorization: that of the application that mounts it.
func TestPageBehindAnAuthorization(t *testing.T) {
	a := newApplication(t)
	signedIn := func(r *http.Request) bool {
		c, err := r.Cookie("session")
		return err == nil && c.Value == "person"
	}
	page, err := view.New(a.mirror, view.WithAuthorization(signedIn))
	must(t, err)
	defer page.Close()
	mux := http.NewServeMux()
	mux.Handle("/usage/", http.StripPrefix("/usage", page))
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "person", Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		http.Redirect(w, r, "/usage/", http.StatusSeeOther)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	b := start(t, "about:blank")
	b.expect(server.URL)
	b.run(chromedp.Navigate(server.URL + "/usage/"))
	if got := evaluate[string](b, `document.body.innerText`); !strings.Contains(got, "You may not look at this page.") {
		t.Errorf("shows %s", got)
	}
	b.run(chromedp.Navigate(server.URL + "/login"))
	b.wait(shown)
	switchTo(t, b, a, localstore.ModeLocal)
	b.picture("authorized")
}

// TestPageWithoutAMirrorIsReadable by a person.
func TestPageWithoutAMirrorIsReadable(t *testing.T) {
	page, err := view.New(nil, view.WithTitle("Camelot"))
	if err == nil {
		t.Error("no error")
	}
	server := httptest.NewServer(page)
	defer server.Close()
	b := start(t, "about:blank")
	b.expect(server.URL)
	b.run(chromedp.Navigate(server.URL))
	if got := evaluate[string](b, `document.body.innerText`); !strings.Contains(got, "Camelot") || !strings.Contains(got, "Nothing is recorded") {
		t.Errorf("shows %s", got)
	}
	b.picture("missing")
}

// TestOnlyNamedPagesFrameThePage: a browser draws it in the frame of those, and
// of nobody else.
func TestOnlyNamedPagesFrameThePage(t *testing.T) {
	a := newApplication(t)
	for _, allowed := range []bool{true, false} {
		var at string
		portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><iframe src="%s" width="900" height="700" onload="window.loaded = true"></iframe>`, at)
		}))
		defer portal.Close()
		var opts []view.Option
		if allowed {
			opts = append(opts, view.WithFrameAncestors(portal.URL))
		}
		page, err := view.New(a.mirror, opts...)
		must(t, err)
		defer page.Close()
		var asked atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/data" {
				asked.Add(1)
			}
			page.ServeHTTP(w, r)
		}))
		defer server.Close()
		at = server.URL + "/"
		b := start(t, "about:blank")
		b.expect(server.URL)
		b.expect(portal.URL)
		b.expect("request to data:image") // of what the browser shows in place of the frame
		b.run(chromedp.Navigate(portal.URL))
		b.wait(`window.loaded === true`)
		for allowed && asked.Load() == 0 && b.Err() == nil { // it draws itself, and asks what is recorded
			b.wait(`new Promise((done) => setTimeout(() => done(true), 100))`)
		}
		if got := asked.Load() > 0; got != allowed {
			t.Errorf("allowed %v, drawn %v", allowed, got)
		}
		b.picture(fmt.Sprintf("framed-%v", allowed))
	}
}
