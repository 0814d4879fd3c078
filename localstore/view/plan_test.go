package view

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// declared returns a tracker with what a page must not run.
func declared(t *testing.T) *otelusage.Tracker {
	t.Helper()
	tracker := new(otelusage.Tracker)
	_, err := tracker.Statistic("saves", otelusage.WithDescription("<script>alert(1)</script>"), otelusage.WithValues("format", "md", "odt"), otelusage.WithKeys())
	must(t, err)
	_, err = tracker.State("theme", otelusage.NoState, otelusage.WithDescription("Colours"), otelusage.WithStates("paper", "<b>night"))
	must(t, err)
	return tracker
}

// TestPlanIsServed with a mirror and without one, to whom the page is.
func TestPlanIsServed(t *testing.T) {
	tracker := declared(t)
	without, err := New(nil, WithPlan(tracker))
	if err == nil {
		t.Fatal("there is a mirror")
	}
	for name, h := range map[string]*Handler{"a mirror": newHandler(t, newMirror(t).Store, WithPlan(tracker)), "none": without} {
		page := call(h, "GET", "/plan", "")
		wantStatus(t, page, http.StatusOK)
		got := text(t, page)
		for _, want := range []string{"<h1>What is recorded about its use</h1>", "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td><td>whole; by format (md, odt)</td>", "<td>paper, &lt;b&gt;night</td>"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", name, want, got)
			}
		}
		for _, m := range regexp.MustCompile(`(?:src|href)="([^"#./][^"]*)"`).FindAllStringSubmatch(got, -1) {
			wantStatus(t, call(h, "GET", "/"+m[1], ""), http.StatusOK)
		}
		if page.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: unprotected", name)
		}
		if index := text(t, call(h, "GET", "/", "")); !strings.Contains(index, `href="plan"`) {
			t.Errorf("%s: no way to the plan in\n%s", name, index)
		}
		var p otelusage.Plan
		must(t, json.Unmarshal([]byte(text(t, call(h, "GET", "/plan.json", ""))), &p))
		if !reflect.DeepEqual(p, tracker.Plan()) {
			t.Errorf("%s: JSON %+v", name, p)
		}
		wantStatus(t, call(h, "POST", "/plan", ""), http.StatusMethodNotAllowed)
		wantStatus(t, call(h, "GET", "/plan", "", "Host", "evil.example"), http.StatusForbidden)
	}
}

func TestNoPlanWithoutOne(t *testing.T) {
	for _, store := range []*localstore.Store{nil, newMirror(t).Store} {
		h, _ := New(store)
		if r := call(h, "GET", "/plan", ""); r.StatusCode == http.StatusOK {
			t.Errorf("a plan: %s", text(t, r))
		}
		if index := text(t, call(h, "GET", "/", "")); strings.Contains(index, `href="plan"`) {
			t.Error("a way to no plan")
		}
		must(t, h.Close())
	}
}
