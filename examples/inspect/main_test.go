package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// document is what of the page's data is looked at.
type document struct {
	Consent     struct{ Mode string }
	Submissions []struct{ Outcome string }
	Statistics  []struct {
		Name   string
		Value  int64
		Series []struct{ Days []struct{ Date string } }
	}
	States, Timers, Sequences []struct{ Name string }
}

func (d *document) words(t *testing.T) (value int64, days int) {
	t.Helper()
	for _, s := range d.Statistics {
		if s.Name == "words_written" {
			for _, x := range s.Series {
				days += len(x.Days)
			}
			return s.Value, days
		}
	}
	t.Fatal("no words_written")
	return 0, 0
}

// page is that of a running example.
type page struct {
	t          *testing.T
	url, token string
	client     http.Client
}

// open runs the example until the test ends, and looks where it says.
func open(t *testing.T) *page {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	file := filepath.Join(t.TempDir(), "usage.db")
	printed, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, out, file, "127.0.0.1:0")
		_ = out.Close() // of a pipe it cannot fail
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	p := &page{t: t}
	p.client.Transport = &http.Transport{DisableKeepAlives: true}
	p.client.Jar, _ = cookiejar.New(nil) // it never fails
	lines := bufio.NewScanner(printed)
	for p.url == "" && lines.Scan() {
		_, p.url, _ = strings.Cut(lines.Text(), "Look at ")
	}
	go func() { _, _ = io.Copy(io.Discard, printed) }()
	index := p.do("GET", "", "")
	p.url = p.url[:strings.Index(p.url, "/signin")] + "/usage/"
	m := regexp.MustCompile(`name="usage-token" content="([^"]+)"`).FindStringSubmatch(index)
	if m == nil {
		t.Fatal("the page has no token")
	}
	p.token = m[1]
	return p
}

func (p *page) do(method, path, body string) string {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Usage-Token", p.token)
	answer, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %s: %s %s %v", method, path, answer.Status, text, err)
	}
	return string(text)
}

func (p *page) data() (d document) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(p.do("GET", "data", "")), &d); err != nil {
		p.t.Fatal(err)
	}
	return d
}

func (p *page) switchTo(mode string) {
	p.t.Helper()
	p.do("POST", "consent", fmt.Sprintf(`{"mode":%q}`, mode))
}

func TestAYearIsShownAndGrows(t *testing.T) {
	if testing.Short() {
		t.Skip("makes up a year")
	}
	page := open(t)
	first := page.data()
	words, days := first.words(t)
	if words == 0 || days < 200 {
		t.Errorf("%d words on %d days are no year", words, days)
	}
	if len(first.States) != 2 || len(first.Timers) != 2 || len(first.Sequences) != 1 {
		t.Errorf("trackables: %+v", first)
	}
	if len(first.Submissions) < 20 || first.Submissions[0].Outcome != "accepted" {
		t.Errorf("submissions: %v", first.Submissions)
	}
	// Each switch records what was counted up to it.
	for n := 0; ; n++ {
		mode := []string{"local", "on"}[n%2]
		page.switchTo(mode)
		now := page.data()
		if now.Consent.Mode != mode {
			t.Fatalf("mode %s, want %s", now.Consent.Mode, mode)
		}
		if more, _ := now.words(t); more > words {
			return
		}
		if t.Context().Err() != nil {
			t.Fatal("nothing was counted")
		}
	}
}

// TestNobodyElseLooks: a program of the machine that finds the port.
func TestNobodyElseLooks(t *testing.T) {
	if testing.Short() {
		t.Skip("makes up a year")
	}
	page := open(t)
	base := strings.TrimSuffix(page.url, "/usage/")
	for target, want := range map[string]int{"/usage/": 403, "/usage/data": 403, "/signin": 404, "/signin?key=x": 404} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", base+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Usage-Token", page.token)
		answer, err := page.client.Transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %d, want %d", target, answer.StatusCode, want)
		}
	}
}
