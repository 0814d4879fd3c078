package setup

import (
	"errors"
	"testing"
)

// Whatever the bytes are, parse returns either errors, each a FileError, or a
// Config that Start takes.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("[General]\nfilepath = a.db\nenabled = 0\nsubmit_interval_s = 0\n[OTLP]\nendpoint = http://h\nheaders = a=b,c=d\ncompression = gzip\ntimeout_s = 1.5"))
	f.Add([]byte("[General]\nfilepath = \"\"\"\na = b\n\\\n- = `\n[General"))
	f.Add([]byte("\uFEFF[general] # x ]\nfilepath: \x85 a\u00a0\r\n"))
	f.Add([]byte("[Other]\na = b\n[general]\ndebug = \"\" ; c\nx=y\n[HQ]\nserver = h ; i\napi_key = k;l ; m\n[General]\ndebug = 1"))
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
		for _, note := range c.Notes {
			if _, ok := errors.AsType[*FileError](note); !ok {
				t.Errorf("%T is no *FileError: %v", note, note)
			}
		}
		// What code may give.
		if c.FilePath == "" {
			c.FilePath = "a.db"
		}
		if c.ApplicationName == "" {
			c.ApplicationName = "application"
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
