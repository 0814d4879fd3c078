package hq

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestHosts(t *testing.T) {
	for in, want := range map[string]string{
		"www.usagetrackerapp.com":    "https://www.usagetrackerapp.com/usagestats/upload",
		"localhost:8000":             "https://localhost:8000/usagestats/upload",
		"http://localhost:8000":      "http://localhost:8000/usagestats/upload",
		"HTTP://localhost":           "http://localhost/usagestats/upload",
		"https://h/":                 "https://h/usagestats/upload",
		"h/stats/hq/":                "https://h/stats/hq/usagestats/upload",
		"h/a%2Fb":                    "https://h/a%2Fb/usagestats/upload",
		"[::1]":                      "https://[::1]/usagestats/upload",
		"http://[2001:db8::1]:80/hq": "http://[2001:db8::1]:80/hq/usagestats/upload",
		"192.0.2.1:65535":            "https://192.0.2.1:65535/usagestats/upload",
	} {
		e := newExporter(t, Config{Host: in})
		if got := e.client.endpoint.String(); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
		if e.timeout != DefaultTimeout || e.client.endpoint.User != nil {
			t.Errorf("%s: timeout %v, user %v", in, e.timeout, e.client.endpoint.User)
		}
	}
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	const key = "hunter2"
	for name, tt := range map[string]struct {
		cfg  Config
		want string
	}{
		"empty host":         {Config{APIKey: key}, "host: it is empty"},
		"space":              {Config{Host: " ", APIKey: key}, "no valid host"},
		"newline in host":    {Config{Host: "h\n", APIKey: key}, "cannot be printed"},
		"NUL in host":        {Config{Host: "h\x00", APIKey: key}, "cannot be printed"},
		"host not UTF-8":     {Config{Host: "h\xff", APIKey: key}, "cannot be printed"},
		"other scheme":       {Config{Host: "ftp://hunter2", APIKey: key}, "scheme"},
		"odd scheme":         {Config{Host: "hunter2 ://h", APIKey: key}, "scheme"},
		"no scheme":          {Config{Host: "://h", APIKey: key}, "scheme"},
		"only a scheme":      {Config{Host: "https://", APIKey: key}, "names no host"},
		"one slash":          {Config{Host: "http:/h", APIKey: key}, "port is empty"},
		"two slashes":        {Config{Host: "//h", APIKey: key}, "names no host"},
		"path alone":         {Config{Host: "/hq", APIKey: key}, "names no host"},
		"port alone":         {Config{Host: ":8000", APIKey: key}, "names no host"},
		"user information":   {Config{Host: "https://me:hunter2@h", APIKey: key}, "user information"},
		"user, no scheme":    {Config{Host: "hunter2@h", APIKey: key}, "user information"},
		"query":              {Config{Host: "h/?key=hunter2", APIKey: key}, "query"},
		"empty query":        {Config{Host: "h?", APIKey: key}, "query"},
		"fragment":           {Config{Host: "h#hunter2", APIKey: key}, "fragment"},
		"empty fragment":     {Config{Host: "h#", APIKey: key}, "fragment"},
		"port 0":             {Config{Host: "h:0", APIKey: key}, "port"},
		"port too large":     {Config{Host: "h:65536", APIKey: key}, "port"},
		"port of letters":    {Config{Host: "h:hunter2", APIKey: key}, "no valid host"},
		"bare IPv6":          {Config{Host: "2001:db8::1", APIKey: key}, "host: "},
		"half a bracket":     {Config{Host: "[::1", APIKey: key}, "no valid host"},
		"space in host":      {Config{Host: "www. example", APIKey: key}, "no valid host"},
		"empty key":          {Config{Host: "h"}, "API key: it is empty"},
		"blank key":          {Config{Host: "h", APIKey: "  "}, "API key: it is empty"},
		"newline in key":     {Config{Host: "h", APIKey: "hunter2\n"}, "API key: it holds a line break"},
		"CR in key":          {Config{Host: "h", APIKey: "hun\rter2"}, "API key: it holds a line break"},
		"key not UTF-8":      {Config{Host: "h", APIKey: "hunter2\xff"}, "API key"},
		"negative timeout":   {Config{Host: "h", APIKey: key, Timeout: -time.Second}, "timeout: -1s is negative"},
		"TLS for http":       {Config{Host: "http://h", APIKey: key, TLSConfig: &tls.Config{}}, "TLS"},
		"everything at once": {Config{APIKey: "\n", Timeout: -1}, "timeout"},
	} {
		e, err := New(tt.cfg)
		if err == nil || e != nil {
			t.Errorf("%s: got %v, %v", name, e, err)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %q does not say %q", name, err, tt.want)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error quotes what was given: %v", name, err)
		}
	}
	if _, err := New(Config{Timeout: -1}); strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not everything that is wrong is reported: %v", err)
	}
}

func TestPrintingShowsNoKey(t *testing.T) {
	cfg := Config{Host: "https://h/hunter2-zq7/path", APIKey: "Hunter2-Zq7", TLSConfig: &tls.Config{}}
	e := newExporter(t, cfg)
	for _, v := range []any{cfg, &cfg, []Config{cfg}, struct{ C Config }{cfg}, e, []*Exporter{e}, struct{ E *Exporter }{e}, e.MarshalLog()} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if s := fmt.Sprintf(format, v); strings.Contains(strings.ToLower(s), "hunter2") || strings.Contains(s, "48756e74") {
				t.Errorf("%s of %T: %s", format, v, s)
			}
		}
	}
	if s := fmt.Sprint(cfg); !strings.Contains(s, `APIKey:"***"`) || !strings.Contains(s, "https://h/") {
		t.Errorf("Config prints as %s", s)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "config", cfg, "exporter", e)
	if strings.Contains(strings.ToLower(log.String()), "hunter2") || !strings.Contains(log.String(), "hq.Config") {
		t.Errorf("logged: %s", log.String())
	}
	if s := fmt.Sprint(Config{}); !strings.Contains(s, `APIKey:""`) {
		t.Errorf("an empty Config prints as %s", s)
	}
	if s := fmt.Sprint(e.MarshalLog()); !strings.Contains(s, "https://h") || strings.Contains(s, "path") {
		t.Errorf("MarshalLog is %s", s)
	}
}
