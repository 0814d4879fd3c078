package plan

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

// editor declares something of every sort.
func editor(t *testing.T) otelusage.Plan {
	t.Helper()
	tracker := new(otelusage.Tracker)
	about := otelusage.WithDescription
	_, err := tracker.Statistic("saves", about("Documents saved"), otelusage.WithValues("format", "md", "odt", "a,b", ""), otelusage.WithKeys("night"))
	check(t, err)
	_, err = tracker.Statistic("words", about("Words typed"), otelusage.Monotonic(), otelusage.WithUnit("{word}"), otelusage.WithKeys())
	check(t, err)
	_, err = tracker.FloatStatistic("undescribed")
	check(t, err)
	_, err = tracker.State("theme", "paper", about("Colours | of the <editor>"), otelusage.WithStates("paper", "US Standard", "paper"), otelusage.RenamedFrom("colours"))
	check(t, err)
	_, err = tracker.State("lang", otelusage.NoState, about("A *text*\nof two lines"))
	check(t, err)
	_, err = tracker.Timer("work", about("A session"), otelusage.WithKeys())
	check(t, err)
	_, err = tracker.Sequence("publish", []string{"draft", "review", "draft"}, about("From a draft on"))
	check(t, err)
	return tracker.Plan()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestMarkdown(t *testing.T) {
	sending := otelusage.PlannedSending{
		Destination: "https://usage.example.com", Protocol: "OTLP/HTTP", IntervalSeconds: 86400,
		With: []otelusage.PlannedText{{Key: "service.name", Value: "Quill", Meaning: "the application"}, {Key: "os.type", Meaning: "the kind of operating system"}},
	}
	open := editor(t)
	sent := open.OnlyDeclared()
	sent.Application, sent.Sending = "Quill", &sending
	agreed := sending
	agreed.RequireConsent, agreed.Totals, agreed.Protocol = true, true, "HQ"
	alone, rotated := sending, sending
	alone.Unlinkable, rotated.RotationSeconds = true, 90*86400
	unlinkable, changing := sent, sent
	unlinkable.Sending, changing.Sending = &alone, &rotated
	uploaded, local := sent, sent
	uploaded.Sending, local.Sending = &agreed, new(otelusage.PlannedSending)
	var got strings.Builder
	for _, p := range []otelusage.Plan{open, sent, unlinkable, changing, uploaded, local, new(otelusage.Tracker).Plan()} {
		got.WriteString(Describe(p).Markdown() + "\n")
	}
	const golden = "testdata/plans.md"
	if *update {
		check(t, os.WriteFile(golden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	check(t, err)
	if text := strings.ReplaceAll(string(want), "\r\n", "\n"); got.String() != text {
		t.Errorf("plans are\n%s\nwant\n%s", got.String(), text)
	}
}
