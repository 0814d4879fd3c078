package view

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
)

func TestEveryAnswerIsProtected(t *testing.T) {
	h := newHandler(t, newMirror(t).Store)
	targets := []string{"/missing"}
	for name := range h.routes {
		targets = append(targets, "/"+name)
	}
	for _, target := range targets {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			header := call(h, method, target, "").Header
			for name, want := range map[string]string{
				"Content-Security-Policy": policy + "'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
				"Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
			} {
				if got := header.Get(name); got != want {
					t.Errorf("%s %s: %s is %q, want %q", method, target, name, got, want)
				}
			}
			if got := header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("%s %s lets %s read", method, target, got)
			}
		}
	}
}

func TestPolicyAllowsNothingInline(t *testing.T) {
	h := newHandler(t, newMirror(t).Store)
	policy := call(h, "GET", "/", "").Header.Get("Content-Security-Policy")
	if strings.Contains(policy, "unsafe") || !strings.HasPrefix(policy, "default-src 'none';") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("policy %q", policy)
	}
	page := text(t, call(h, "GET", "/", ""))
	if m := regexp.MustCompile(`(?i)<script>|\son[a-z]+=|\sstyle=|<style|https?://|src="//`).FindString(page); m != "" {
		t.Errorf("the page has %q", m)
	}
	for name, a := range assets() {
		if strings.HasPrefix(name, "uplot/") {
			continue
		}
		if m := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|https?://[^w]`).Find(a.content); m != nil {
			t.Errorf("%s has %q", name, m)
		}
	}
}

func TestPageRefersToWhatIsServed(t *testing.T) {
	h := newHandler(t, newMirror(t).Store)
	r := call(h, "GET", "/", "")
	wantStatus(t, r, http.StatusOK)
	refers := regexp.MustCompile(`(?:src|href)="([^"#]+)"`).FindAllStringSubmatch(text(t, r), -1)
	for name, a := range assets() {
		refers = append(refers, regexp.MustCompile(`from "\./([^"]+)"`).FindAllStringSubmatch(string(a.content), -1)...)
		if strings.HasSuffix(name, "html") {
			t.Errorf("%s is served as it is", name)
		}
	}
	if len(refers) < 10 {
		t.Fatalf("only %d references found", len(refers))
	}
	for _, m := range refers {
		r := call(h, "GET", "/"+m[1], "")
		wantStatus(t, r, http.StatusOK)
		if r.Header.Get("Content-Type") == "" {
			t.Errorf("%s has no type", m[1])
		}
	}
}

func TestMethodsThatAreNotServed(t *testing.T) {
	h := newHandler(t, newMirror(t).Store)
	for target, allow := range map[string]string{"/": "GET, HEAD", "/data": "GET, HEAD", "/consent": "POST", "/erase": "POST"} {
		r := call(h, http.MethodPut, target, "")
		wantStatus(t, r, http.StatusMethodNotAllowed)
		if got := r.Header.Get("Allow"); got != allow {
			t.Errorf("%s allows %q, want %q", target, got, allow)
		}
	}
	wantStatus(t, call(h, "GET", "/consent", ""), http.StatusMethodNotAllowed)
	wantStatus(t, call(h, "HEAD", "/data", ""), http.StatusOK)
	wantStatus(t, call(h, "GET", "/page/index.html", ""), http.StatusNotFound)
	wantStatus(t, call(h, "GET", "/../handler.go", ""), http.StatusNotFound)
}

func TestMountedBelowAPrefix(t *testing.T) {
	h := newHandler(t, newMirror(t).Store)
	mux := http.NewServeMux()
	mux.Handle("/a/usage/", http.StripPrefix("/a/usage", h))
	mux.Handle("/b/", http.StripPrefix("/b/", h))
	mux.Handle("/c", http.StripPrefix("/c", h))
	for _, target := range []string{"/a/usage/", "/a/usage/data", "/b/", "/b/data", "/b/uplot/uPlot.js"} {
		wantStatus(t, call(mux, "GET", target, ""), http.StatusOK)
	}
	r := call(mux, "GET", "/c?x=1", "")
	wantStatus(t, r, http.StatusMovedPermanently)
	if got := r.Header.Get("Location"); got != "./c/" {
		t.Errorf("moved to %q", got)
	}
}

func TestDataIsTheDocumentOfTheMirror(t *testing.T) {
	m := newMirror(t)
	h := newHandler(t, m.Store)
	r := call(h, "GET", "/data", "")
	wantStatus(t, r, http.StatusOK)
	var document struct {
		Format     string
		Statistics []struct {
			Name  string
			Value int64
		}
		Consent struct{ Mode string }
	}
	must(t, json.Unmarshal([]byte(text(t, r)), &document))
	if document.Format != "otelusage-mirror" || len(document.Statistics) != 1 || document.Statistics[0].Value != 2 || document.Consent.Mode != "unset" {
		t.Errorf("data: %+v", document)
	}
}

func TestDataIsReadOnlyWhenItChanged(t *testing.T) {
	m := newMirror(t)
	h := newHandler(t, m.Store)
	tag := call(h, "GET", "/data", "").Header.Get("ETag")
	if tag == "" {
		t.Fatal("no ETag")
	}
	wantStatus(t, call(h, "GET", "/data", "", "If-None-Match", tag), http.StatusNotModified)
	m.count(t, 1)
	r := call(h, "GET", "/data", "", "If-None-Match", tag)
	wantStatus(t, r, http.StatusOK)
	if r.Header.Get("ETag") == tag {
		t.Error("the tag of other data is the same")
	}
	if got := call(newHandler(t, m.Store), "GET", "/data", "").Header.Get("ETag"); got == r.Header.Get("ETag") {
		t.Error("two handlers give the same tag")
	}
}

func TestDownloads(t *testing.T) {
	h := newHandler(t, newMirror(t).Store)
	r := call(h, "GET", "/usage.csv", "")
	rows, err := csv.NewReader(r.Body).ReadAll()
	must(t, err)
	if len(rows) != 2 || rows[1][0] != "quests" || rows[1][2] != "2" {
		t.Errorf("csv: %v", rows)
	}
	for name, contentType := range map[string]string{"usage.csv": "text/csv; charset=utf-8", "usage.json": "application/json; charset=utf-8"} {
		r := call(h, "GET", "/"+name, "")
		if got := r.Header.Get("Content-Disposition"); got != `attachment; filename="`+name+`"` {
			t.Errorf("%s: disposition %q", name, got)
		}
		if got := r.Header.Get("Content-Type"); got != contentType {
			t.Errorf("%s: type %q", name, got)
		}
	}
	if whole := text(t, call(h, "GET", "/usage.json", "")); !json.Valid([]byte(whole)) || !strings.Contains(whole, `"quests"`) {
		t.Errorf("json: %s", whole)
	}
}

func TestPreviewAndWhatWasSent(t *testing.T) {
	m := newMirror(t)
	h := newHandler(t, m.Store)
	if got := text(t, call(h, "GET", "/preview", "")); !strings.Contains(got, `"otelusage-preview"`) || !strings.Contains(got, `"value":2`) {
		t.Errorf("preview: %s", got)
	}
	sub, err := m.Outbox().Begin(t.Context(), outbox.Request{Forwarder: outbox.Delta, MaySend: true, Force: true, Interval: time.Hour, Lease: time.Minute})
	must(t, err)
	part, err := sub.Next(t.Context())
	must(t, err)
	_, err = sub.Settle(t.Context(), part, outbox.Outcome{Verdict: outbox.Accepted, Status: 200})
	must(t, err)
	if got := text(t, call(h, "GET", "/sent?batch=1", "")); !strings.Contains(got, `"outcome":"accepted"`) || !strings.Contains(got, `"quests"`) {
		t.Errorf("sent: %s", got)
	}
	for _, bad := range []string{"/sent", "/sent?batch=", "/sent?batch=0", "/sent?batch=1;drop", "/sent?batch=99999999999999999999"} {
		wantStatus(t, call(h, "GET", bad, ""), http.StatusBadRequest)
	}
	var errors errorList
	wantStatus(t, call(newHandler(t, m.Store, WithErrorHandler(errors.add)), "GET", "/sent?batch=7", ""), http.StatusNotFound)
}

func TestHostileTitleIsText(t *testing.T) {
	h := newHandler(t, newMirror(t).Store, WithTitle(`"><script>alert(1)</script>`), WithRecordInterval(5*time.Second))
	page := text(t, call(h, "GET", "/", ""))
	if strings.Contains(page, "<script>alert") {
		t.Error("a title became markup")
	}
	if !strings.Contains(page, `name="usage-interval" content="5"`) {
		t.Error("the record interval is not told")
	}
}

func TestNilStoreAndNilOptions(t *testing.T) {
	if _, err := New(nil); err == nil {
		t.Error("a page without a mirror")
	}
	h := newHandler(t, newMirror(t).Store, nil, WithControls(nil), WithTitle(""), WithHosts(""), WithRecordInterval(-1))
	wantStatus(t, call(h, "GET", "/", ""), http.StatusOK)
	wantStatus(t, call(h, "GET", "/", "", "Host", ""), http.StatusForbidden)
}

var _ http.Handler = (*Handler)(nil)

func TestServesOverHTTP(t *testing.T) {
	server := httptest.NewServer(newHandler(t, newMirror(t).Store))
	defer server.Close()
	r, err := server.Client().Get(server.URL + "/data")
	must(t, err)
	defer r.Body.Close()
	wantStatus(t, r, http.StatusOK)
}
