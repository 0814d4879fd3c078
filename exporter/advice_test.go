package exporter

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
)

// A receiver that takes the data and answers in its own words gets the first
// batch again and again: the log says what to change at it.
func TestTheLogSaysWhatToChangeAtAReceiverThatAnswersInItsOwnWords(t *testing.T) {
	for _, media := range []string{"text/plain", "text/html"} {
		receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", media)
			fmt.Fprint(w, "OK")
		}))
		defer receiver.Close()
		o := outboxTo(t, nil, receiver.URL)
		o.statistic("n").Inc()
		must(t, o.export())
		for i := range outbox.AdviceAfter + 1 {
			o.setup.clock.advance(48 * time.Hour)
			if err := o.exporter.sender.submit(t.Context(), false); err == nil {
				t.Fatal("OK was taken for an OTLP answer")
			}
			var reason string
			o.query(t, `SELECT reason FROM submission_log ORDER BY id DESC LIMIT 1`, &reason)
			if advised := strings.Contains(reason, "WithLenientAnswers"); advised != (media == "text/plain" && i+1 >= outbox.AdviceAfter) {
				t.Errorf("%s, answer %d: the log says %q", media, i+1, reason)
			}
		}
		o.restart(t, receiver.URL, otlp.WithLenientAnswers())
		o.setup.clock.advance(48 * time.Hour)
		if err := o.exporter.sender.submit(t.Context(), false); (err == nil) != (media == "text/plain") {
			t.Errorf("%s with the option: %v", media, err)
		}
		o.end()
	}
}
