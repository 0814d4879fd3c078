package setup

import (
	"testing"
	"time"
)

func TestWaitsAtTheEndAreInTheFile(t *testing.T) {
	for text, want := range map[string][2]time.Duration{
		"": {0, 0},
		"shutdown_grace_s = 0.5\nsubmit_wait_s = 3\n": {500 * time.Millisecond, 3 * time.Second},
		"shutdown_grace_s = 0\nsubmit_wait_s = 0\n":   {NoWait, NoWait},
	} {
		c, err := parse("usage.ini", []byte("[General]\nfilepath = usage.db\n"+text+"[OTLP]\nendpoint = http://localhost\nlenient_answers = yes\n"))
		if err != nil {
			t.Fatal(err)
		}
		s := c.standalone()
		if s.ShutdownGrace != want[0] || s.SubmitWait != want[1] || !c.OTLP.LenientAnswers {
			t.Errorf("%q: %v and %v, want %v", text, s.ShutdownGrace, s.SubmitWait, want)
		}
		if err := c.check(); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []Config{{FilePath: "a", ShutdownGrace: -2}, {FilePath: "a", SubmitWait: -time.Second}} {
		if bad.check() == nil {
			t.Errorf("%v and %v were taken", bad.ShutdownGrace, bad.SubmitWait)
		}
	}
	if _, err := parse("usage.ini", []byte("[General]\nfilepath = usage.db\nshutdown_grace_s = soon\n")); err == nil {
		t.Error("soon is no number of seconds")
	}
}
