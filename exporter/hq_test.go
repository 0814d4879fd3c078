package exporter

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
)

// TestHQAnswers: what each answer of HQ, and of what stands in its place, means
// for the data, when it is tried again and what the log says.
func TestHQAnswers(t *testing.T) {
	const first = 5 * time.Second // half of the first backoff's cap
	for _, tt := range []struct {
		answer  hqAnswer
		outcome string // in the log
		status  int
		wait    time.Duration // until the next try, 0 where it was accepted
		reason  string        // is part of the log's
	}{
		{hqWell, "accepted", 0, 0, ""},
		{hqText(" Success\r\n"), "accepted", 0, 0, ""},
		{hqText("Upload failed"), "refused", 200, first, "does not know the API key"},
		{hqText("Missing API Key."), "refused", 200, first, "found no API key"},
		{hqText("User does not belong to a group."), "refused", 200, first, "belongs to no group"},
		{hqStatus(500, "<h1>Server Error (500)</h1>"), "transient", 500, first, "HQ failed on the upload"},
		{hqPage, "unknown", 200, first, "a web page came instead"},
		{hqText(""), "unknown", 200, first, "did not answer as HQ does"},
		{hqText("success"), "unknown", 200, first, "did not answer as HQ does"},
		{hqStatus(302, "", "Location", "/login"), "refused", 302, first, "not followed"},
		{hqStatus(404, ""), "refused", 404, first, "the host may be wrong"},
		{hqStatus(429, "", "Retry-After", "120"), "transient", 429, 2 * time.Minute, "busy or down"},
		{hqStatus(503, "", "Retry-After", "1000000000000"), "transient", 503, 24 * time.Hour, "busy or down"},
		{hqLost, "transient", 0, first, "was lost before an answer came"},
		{hqHangup, "transient", 0, first, "was lost before an answer came"},
		{hqCutOff, "transient", 200, first, "was cut off"},
		{hqSilence, "transient", 0, first, "did not answer within 50ms"},
	} {
		t.Run(tt.answer.name, func(t *testing.T) {
			server := startHeadquarters(t)
			server.behave(func() hqAnswer { return tt.answer })
			cfg := hq.Config{}
			if tt.answer.name == hqSilence.name {
				cfg.Timeout = 50 * time.Millisecond
			}
			o := &sending{setup: outboxSetup(t)}
			o.restartWith(t, server.forwarder(t, cfg))
			n := o.statistic("n")
			n.Add(5)
			o.statistic("untouched")
			o.state("mode", "on")
			o.record()
			o.setup.clock.advance(submitEvery)
			err := o.exporter.Submit(t.Context())
			o.balanced()
			accepted := tt.wait == 0
			if (err == nil) != accepted {
				t.Errorf("Submit: %v", err)
			}
			if uploads := server.uploads(); len(uploads) != 1 {
				t.Errorf("%d uploads, want one", len(uploads))
			}
			o.log(t, tt.outcome, tt.status, accepted)
			var reason string
			o.query(t, `SELECT reason FROM submissions`, &reason)
			if !strings.Contains(reason, tt.reason) {
				t.Errorf("the log says %q, want %q in it", reason, tt.reason)
			}
			if !accepted {
				var retryAt int64
				o.query(t, `SELECT retry_at FROM forwarders WHERE kind = 'cumulative'`, &retryAt)
				if wait := time.Duration(retryAt - o.setup.clock.now().UnixNano()); wait != tt.wait {
					t.Errorf("tried again after %v, want %v", wait, tt.wait)
				}
				o.nothingBefore(t, tt.wait, func() int { return len(server.uploads()) })
			}

			server.behave(func() hqAnswer { return hqWell })
			n.Add(2)
			o.record()
			o.submit()
			submissions := 1.0 // a failed one does not count
			if accepted {
				submissions++
			}
			server.holds(t, map[string]any{"n": 7.0, "untouched": 0.0, "mode": "on", "__submissions__": submissions})
			o.log(t, "accepted", 0, true)
			o.end()
		})
	}
}

// TestAVersionThatHQCannotParse is refused before anything is sent, with the
// rule; the next version uploads what was counted under it.
func TestAVersionThatHQCannotParse(t *testing.T) {
	server := startHeadquarters(t)
	o := &sending{setup: outboxSetup(t)}
	o.setup.version = "dev"
	o.restartWith(t, server.forwarder(t, hq.Config{}))
	o.statistic("n").Add(5)
	o.record()
	if err := o.exporter.Submit(t.Context()); err == nil || !strings.Contains(err.Error(), "two digits") {
		t.Errorf("Submit: %v", err)
	}
	o.log(t, "refused", 0, false)
	if uploads := server.uploads(); len(uploads) != 0 {
		t.Errorf("it was sent: %v", uploads)
	}
	o.setup.version = "v2.3"
	o.restartWith(t, server.forwarder(t, hq.Config{}))
	o.statistic("n").Add(2)
	o.record()
	o.submit()
	server.holds(t, map[string]any{"n": 7.0, "__submissions__": 1.0})
	o.end()
}

// TestASecondVersionThatHQHasNoRoomFor: an HQ whose application names are unique
// answers it with 500. That is explained once, whatever the number of attempts,
// and the totals wait until the server is mended.
func TestASecondVersionThatHQHasNoRoomFor(t *testing.T) {
	server := startHeadquarters(t)
	server.behave(func() hqAnswer { return hqStatus(500, "<h1>Internal Server Error</h1>") })
	var told []string
	o := &sending{setup: outboxSetup(t)}
	o.setup.version = "1.1"
	s := o.setup
	s.opts = []Option{WithForwarder(server.forwarder(t, hq.Config{})), WithSubmitInterval(submitEvery),
		WithErrorHandler(func(err error) { told = append(told, err.Error()) })}
	o.run = s.start(t)
	o.statistic("n").Add(5)
	o.record()
	for range 5 {
		o.setup.clock.advance(2 * submitEvery)
		err := o.exporter.sender.submit(t.Context(), false)
		if !errors.Is(err, hq.ErrServer) {
			t.Fatalf("submit: %v", err)
		}
		o.exporter.reported.report(err) // as the loop does
	}
	if len(told) != 1 || !strings.Contains(told[0], "another version of this application") || !strings.Contains(told[0], "init_db.py") {
		t.Errorf("reported %q", told)
	}
	var rows, times int
	o.query(t, `SELECT count(*), max(times) FROM submissions`, &rows, &times)
	if rows != 1 || times != 5 {
		t.Errorf("the log has %d rows, the last for %d attempts; want one for 5", rows, times)
	}
	server.behave(func() hqAnswer { return hqWell })
	o.submit()
	server.holds(t, map[string]any{"n": 5.0, "__submissions__": 1.0})
	o.end()
}

// TestHQHoldsTheSharedTotals: after any mix of answers and decisions HQ holds
// the lifetime totals that may be shared, and nothing that was counted while
// they might not.
func TestHQHoldsTheSharedTotals(t *testing.T) {
	if testing.Short() {
		t.Skip("records and submits hundreds of times")
	}
	seed := uint64(time.Now().UnixNano())
	random, moods := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	answers := []hqAnswer{hqWell, hqWell, hqText("Upload failed"), hqText("Missing API Key."),
		hqText("User does not belong to a group."), hqPage, hqStatus(500, ""), hqStatus(503, ""), hqStatus(302, ""), hqStatus(404, ""),
		hqLost, hqCutOff, hqHangup}
	server := startHeadquarters(t)
	server.behave(func() hqAnswer { return answers[moods.IntN(len(answers))] })

	o := &sending{setup: outboxSetup(t)}
	o.restartWith(t, server.forwarder(t, hq.Config{}))
	o.statistic("untouched")
	mode := o.state("mode", "off")
	var recorded, private int64 // private: counted while sending was switched off
	uploads := 0
	enabled := true
	for round := range 300 {
		n := int64(random.IntN(100))
		o.statistic("n").With(attribute.Int("via", random.IntN(3))).Add(n)
		recorded += n
		if !enabled {
			private += n
		}
		o.record()
		if random.IntN(10) == 0 {
			enabled = !enabled
			if enabled {
				must(t, o.store.Enable(t.Context()))
			} else {
				must(t, o.store.Disable(t.Context()))
			}
			o.record()
		}
		o.setup.clock.advance(time.Duration(random.IntN(5)) * time.Hour)
		before := len(server.uploads())
		if o.exporter.Submit(t.Context()) == nil && len(server.uploads()) > before {
			uploads++
		}
		o.balanced()
		if !enabled && len(server.uploads()) != before {
			t.Fatal("sent while sending is switched off")
		}
		if round%50 == 49 {
			o.restartWith(t, server.forwarder(t, hq.Config{}))
			mode = o.state("mode", "off")
			o.statistic("untouched")
		}
	}
	must(t, o.store.Enable(t.Context()))
	o.record()
	mode.Set("on")
	o.statistic("n").Inc()
	recorded++
	o.record()
	server.behave(func() hqAnswer { return hqWell })
	o.submit()
	shared := o.shared(t, "n")
	if shared <= 0 || shared > recorded-private {
		t.Errorf("%d are shared of %d recorded, %d of them in private", shared, recorded, private)
	}
	server.holds(t, map[string]any{"n": float64(shared), "untouched": 0.0, "mode": "on", "__submissions__": float64(uploads + 1)})
	o.end()
}

// shared returns what was recorded and may be sent, over all attributes.
func (o *sending) shared(t *testing.T, name string) (n int64) {
	t.Helper()
	list, err := o.store.Balance(t.Context())
	must(t, err)
	for _, b := range list {
		if b.Name == name {
			n += b.Recorded.Int64() - b.Withheld.Int64()
		}
	}
	return n
}

// TestTheKeyIsInTheUploadAlone, also where the server echoes it.
func TestTheKeyIsInTheUploadAlone(t *testing.T) {
	const key = "Hunter2-Zq7/x+y"
	server := startHeadquarters(t)
	forwarder := server.forwarder(t, hq.Config{APIKey: key})
	o := &sending{setup: outboxSetup(t)}
	o.restartWith(t, forwarder)
	n := o.statistic("n")
	var shown strings.Builder
	for _, answer := range []hqAnswer{
		hqText("Upload failed"), hqText("no such key: " + key), hqStatus(403, key), hqStatus(500, "<p>"+key+"</p>"),
		hqStatus(302, "", "Location", "https://"+strings.ToLower(key)), hqStatus(302, "", "Location", "/login?key="+key), hqLost, hqWell,
	} {
		server.behave(func() hqAnswer { return answer })
		n.Inc()
		o.record()
		fmt.Fprintf(&shown, "%v\n", o.exporter.Submit(t.Context()))
	}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		fmt.Fprintf(&shown, verb+verb+verb+"\n", o.exporter.MarshalLog(), forwarder.MarshalLog(), forwarder)
	}
	must(t, o.store.WriteCSV(&shown, snapshot.OrderByName))
	must(t, o.store.WriteReport(&shown))
	must(t, o.store.WriteJSON(&shown))
	must(t, o.store.WritePreview(t.Context(), &shown))
	for _, suffix := range []string{"", "-wal"} { // before the end, which empties the log
		content, err := os.ReadFile(o.setup.path + suffix)
		must(t, err)
		shown.Write(content)
	}
	o.end()
	content, err := os.ReadFile(o.setup.path)
	must(t, err)
	shown.Write(content)

	if text := strings.ToLower(shown.String()); strings.Contains(text, "hunter2") {
		at := strings.Index(text, "hunter2")
		t.Errorf("the key is shown in %q", text[max(0, at-100):min(len(text), at+50)])
	}
	for _, body := range server.uploads() {
		if !strings.Contains(body, `"API Key":"`+key+`"`) {
			t.Errorf("the upload has no key: %s", body)
		}
	}
	if uploads := len(server.uploads()); uploads != 8 {
		t.Errorf("%d uploads, want 8: a redirect was followed, or one was not made", uploads)
	}
}
