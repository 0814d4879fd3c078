package setup

import (
	"errors"
	"strings"
	"testing"

	"gopkg.in/ini.v1"
)

// Whatever the bytes are, parse returns either errors, each a FileError, or a
// Config that Start takes.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("[General]\nfilepath = a.db\nenabled = 0\nsubmit_interval_s = 0\n[OTLP]\nendpoint = http://h\nheaders = a=b,c=d\ncompression = gzip\ntimeout_s = 1.5"))
	f.Add([]byte("[General]\nfilepath = \"\"\"\na = b\n\\\n- = `\n[General"))
	f.Add([]byte("\uFEFF[general] # x ]\nfilepath: \x85 a\u00a0\r\n"))
	f.Add([]byte("[General]\nfilepath=%(a)s\n[HQ]\nhost=[::1]:80/x\napi_key=\u2028"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse("usage.ini", data)
		if err != nil {
			if _, ok := errors.AsType[*FileError](err); !ok {
				t.Fatalf("%T is no *FileError: %v", err, err)
			}
			_ = err.Error()
			return
		}
		checkValues(t, strings.TrimPrefix(string(data), "\uFEFF"))
		if c.FilePath == "" {
			t.Error("there is no filepath")
		}
		if c.ApplicationName == "" {
			c.ApplicationName = "code may give it"
		}
		if err := c.check(); err != nil {
			t.Errorf("Start refuses what the file says: %v", err)
		}
		made, err := c.forwarder()
		if err != nil {
			t.Errorf("Start refuses the destination: %v", err)
		}
		if made != nil {
			_ = discard(made)
		}
	})
}

// checkValues sees to it that the library and the scan agree on every value.
func checkValues(t *testing.T, text string) {
	file, err := ini.LoadSources(options, []byte(text))
	must(t, err)
	lines := strings.Split(text, "\n")
	for _, at := range scan(text, new(fileErrors)).inOrder() {
		line := lines[at.line-1]
		want := strings.TrimSpace(line[strings.IndexAny(line, "=:")+1:])
		if got := file.Section(at.section).Key(at.key).Value(); got != want {
			t.Errorf("%s in line %d is %q, want %q", at.key, at.line, got, want)
		}
	}
}
