package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/hostile"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/plan"
)

// lab has a Prometheus and the program that asks the archive.
func lab(t *testing.T, patience time.Duration) *hostile.Lab {
	t.Helper()
	s := hostile.Setup{Dir: "..", Program: collector(t), Query: filepath.Join(t.TempDir(), "query"), Patience: patience}
	must(t, hostile.BuildQuery(t.Context(), s.Dir, s.Query))
	l, err := hostile.Open(t.Context(), s)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

// TestNoRequestHarmsOthers: whatever somebody sends, what honest installations sent
// before and after is exact in Prometheus and in the archive, every question has an
// answer, and memory and disk are bounded.
func TestNoRequestHarmsOthers(t *testing.T) {
	harm, err := lab(t, patience).Try(t.Context(), []string{"../production.yaml"}, hostile.Attacks()...)
	must(t, err)
	if harm.Any() {
		t.Error(harm.Text())
	}
	t.Logf("%d attacks, %d MiB of memory", len(hostile.Attacks()), harm.Peak>>20)
}

// TestEachRuleIsNeeded removes each line of the filters: one of the attacks that it
// is against then does harm. It takes ten minutes:
// OTELUSAGE_HOSTILE=1. OTELUSAGE_HOSTILE_RULE is a regular expression for some of them.
func TestEachRuleIsNeeded(t *testing.T) {
	if os.Getenv("OTELUSAGE_HOSTILE") != "1" {
		t.Skip("takes ten minutes: OTELUSAGE_HOSTILE=1")
	}
	l := lab(t, 8*time.Second)
	l.Settle = time.Second
	content, err := os.ReadFile("../production.yaml")
	must(t, err)
	only, err := regexp.Compile(os.Getenv("OTELUSAGE_HOSTILE_RULE"))
	must(t, err)
	for _, r := range hostile.Rules(string(content)) {
		if !r.Matches(only) {
			continue
		}
		file := filepath.Join(t.TempDir(), "production.yaml")
		must(t, os.WriteFile(file, []byte(r.Without(string(content))), 0o600))
		needed := false
		for _, a := range r.Against() {
			harm, err := l.Try(t.Context(), []string{file}, a)
			if err != nil {
				t.Errorf("without %v: %v", r, err)
				break
			}
			if harm.Any() {
				t.Logf("without %v: %s: %s", r, a.Name, harm.Text())
				needed = true
				break
			}
		}
		if !needed {
			t.Errorf("nothing does harm without %v", r)
		}
	}
}

// simulated is the plan of the applications that the honest installations have.
func simulated(t *testing.T, application string) otelusage.Plan {
	t.Helper()
	tracker := new(otelusage.Tracker)
	declared := func(_ any, err error) { must(t, err) }
	declared(tracker.Statistic("searches", otelusage.Monotonic(), otelusage.WithValues("via", "web", "menu")))
	declared(tracker.Statistic("saves", otelusage.Monotonic(), otelusage.WithValues("sort.by", "date"), otelusage.WithValues("via", "web")))
	declared(tracker.Statistic("items", otelusage.WithKeys()))
	declared(tracker.FloatStatistic("distance", otelusage.WithUnit("m"), otelusage.WithKeys()))
	declared(tracker.State("units", otelusage.NoState, otelusage.WithStates("Metric", "US Standard")))
	declared(tracker.Timer("session", otelusage.WithKeys()))
	declared(tracker.Sequence("export", []string{"open", "choose", "save"}))
	p := tracker.Plan().OnlyDeclared()
	p.Application = application
	return p
}

// TestOnlyWhatIsDeclaredHasStreams: with what the command plan --collector writes,
// nobody can fill the streams, so new ones of honest installations still find room.
func TestOnlyWhatIsDeclaredHasStreams(t *testing.T) {
	text, err := plan.Collector([]otelusage.Plan{simulated(t, "editor"), simulated(t, "viewer")}, []string{"1.0.0", "1.1.0", "2.0.0"})
	must(t, err)
	overlay := filepath.Join(t.TempDir(), "plan.yaml")
	must(t, os.WriteFile(overlay, []byte(text), 0o600))
	l := lab(t, patience)
	l.Plan = true
	attacks := hostile.Undeclared()
	if len(attacks) < 6 {
		t.Fatalf("%d attacks", len(attacks))
	}
	harm, err := l.Try(t.Context(), []string{"../production.yaml", overlay}, attacks...)
	must(t, err)
	if harm.Any() {
		t.Error(harm.Text())
	}
	if os.Getenv("OTELUSAGE_HOSTILE") != "1" {
		return
	}
	for _, a := range attacks { // each of them is something without the plan
		if a.Fills {
			continue
		}
		l.Plan = false
		harm, err := l.Try(t.Context(), []string{"../production.yaml"}, a)
		must(t, err)
		if !harm.Any() {
			t.Errorf("%s is kept out without the plan", a.Name)
		}
	}
}
