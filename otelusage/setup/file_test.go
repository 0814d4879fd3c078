package setup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func write(tb testing.TB, text string) (path string) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), "usage.ini")
	must(tb, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// The Python library's own sample.
const sample = `[General]
filepath = usage_stats.db
application_name = MyApp
application_version = 1.0.0
submit_interval_s = 500
check_interval_s = 30000
debug = false

[HQ]
host = www.usagetrackerapp.com
api_key = ldfhksg23542kj5g73kk3465j
`

func sampleConfig() Config {
	return Config{FilePath: "usage_stats.db", ApplicationName: "MyApp", ApplicationVersion: "1.0.0",
		SubmitInterval: 500 * time.Second, CheckInterval: 30000 * time.Second,
		HQ: &HQ{Host: "www.usagetrackerapp.com", APIKey: "ldfhksg23542kj5g73kk3465j"}}
}

func TestLoadFileTakesTheSampleInEveryForm(t *testing.T) {
	for name, text := range map[string]string{
		"as it is":         sample,
		"indented":         "    " + strings.ReplaceAll(sample, "\n", "\n    "),
		"keys indented":    strings.NewReplacer("\n", "\n\t", "\n\n[", "\n\n[").Replace(sample),
		"CRLF":             strings.ReplaceAll(sample, "\n", "\r\n"),
		"byte order mark":  "\uFEFF" + sample,
		"upper case":       strings.NewReplacer("filepath", "FilePath", "General", "GENERAL", "api_key", "API_KEY", "[HQ]", "[hq]").Replace(sample),
		"comments":         "; one\n# two = 2\n" + strings.ReplaceAll(sample, "]\n", "] ; a section\n# here\n"),
		"colons":           strings.ReplaceAll(sample, " = ", ": "),
		"no last new line": strings.TrimSpace(sample),
		"sections swapped": sample[strings.Index(sample, "[HQ]"):] + sample[:strings.Index(sample, "[HQ]")],
	} {
		t.Run(name, func(t *testing.T) {
			got, err := LoadFile(write(t, text))
			must(t, err)
			if want := sampleConfig(); !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestLoadFileReadsEveryKey(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       Config
	}{
		{"only a path", "[General]\nfilepath = a.db", Config{FilePath: "a.db"}},
		{"nothing, for code gives it", "[General]\nfilepath =\n", Config{}},
		{"never looked at", "[General]\ncheck_interval_s = 0", Config{CheckInterval: NeverCheck}},
		{"the library's former key", "[General]\nsubmit_interval_s = 1\n[HQ]\nServer = h\napi_key = k",
			Config{SubmitInterval: time.Second, HQ: &HQ{Host: "h", APIKey: "k"}}},
		{"no General", "[HQ]\nhost = h\napi_key = k\n[General]\nsubmit_interval_s = 1\n", Config{SubmitInterval: time.Second, HQ: &HQ{Host: "h", APIKey: "k"}}},
		{"comments behind values", "[General]\nfilepath = a.db ; here ; and here\napplication_name = a;b ; c\napplication_version =\t\t;d\ncheck_interval_s = 2\t; seconds\nenabled = yes ;",
			Config{FilePath: "a.db", ApplicationName: "a;b ; c", ApplicationVersion: ";d", CheckInterval: 2 * time.Second}},
		{"two quotes", "[General]\nfilepath = \"\"\napplication_name = \"\"\"\"", Config{ApplicationName: `""""`}},
		{"backquotes and three quotes are data", "[General]\nfilepath = `a`\napplication_name = \"\"\"b", Config{FilePath: "`a`", ApplicationName: `"""b`}},
		{"never submit", "[General]\nfilepath = a.db\nsubmit_interval_s = 0", Config{FilePath: "a.db", SubmitInterval: NeverSubmit}},
		{"decimals", "[General]\nfilepath = a.db\nsubmit_interval_s = 1.5\ncheck_interval_s=.25", Config{FilePath: "a.db", SubmitInterval: 1500 * time.Millisecond, CheckInterval: 250 * time.Millisecond}},
		{"declared_only", "[General]\nfilepath = a.db\ndeclared_only = on", Config{FilePath: "a.db", DeclaredOnly: true}},
		{"debug", "[General]\nfilepath = a.db\ndebug = Yes", Config{FilePath: "a.db", Debug: true}},
		{"not enabled", "[General]\nfilepath = a.db\nenabled = off", Config{FilePath: "a.db", Disabled: true}},
		{"enabled", "[General]\nfilepath = a.db\nenabled = TRUE", Config{FilePath: "a.db"}},
		{"id", "[General]\nfilepath = a.db\ninstallation_id = user-1", Config{FilePath: "a.db", InstallationID: "user-1"}},
		{"unlinkable", "[General]\nfilepath = a.db\nunlinkable = true", Config{FilePath: "a.db", Unlinkable: true}},
		{"rotation", "[General]\nfilepath = a.db\ninstallation_rotation_days = 30", Config{FilePath: "a.db", InstallationRotation: 720 * time.Hour}},
		{"no rotation", "[General]\nfilepath = a.db\nunlinkable = off\ninstallation_rotation_days = 0", Config{FilePath: "a.db"}},
		{"values are data", "[General]\nfilepath = C:\\data\\\napplication_name = 50% of \"x\";# no comment\napplication_version = %(filepath)s\n" +
			"[HQ]\nhost = h\napi_key = a%b;c#d=e:f 'g'\ntimeout_s = 3",
			Config{FilePath: `C:\data\`, ApplicationName: `50% of "x";# no comment`, ApplicationVersion: "%(filepath)s",
				HQ: &HQ{Host: "h", APIKey: "a%b;c#d=e:f 'g'", Timeout: 3 * time.Second}}},
		{"host with port and path", "[General]\nfilepath = a.db\n[HQ]\nhost = http://localhost:8000/hq\napi_key = k",
			Config{FilePath: "a.db", HQ: &HQ{Host: "http://localhost:8000/hq", APIKey: "k"}}},
		{"host that is IPv6", "[General]\nfilepath = a.db\n[HQ]\nhost = [2001:db8::1]:8000\napi_key = k",
			Config{FilePath: "a.db", HQ: &HQ{Host: "[2001:db8::1]:8000", APIKey: "k"}}},
		{"quotes are data", "[General]\nfilepath = \"a.db\"", Config{FilePath: `"a.db"`}},
		{"unicode", "[General]\nfilepath = größe.db\napplication_name = 使用\uFFFD", Config{FilePath: "größe.db", ApplicationName: "使用\uFFFD"}},
		{"OTLP", "[General]\nfilepath = a.db\n[OTLP]\nendpoint = https://usage.example.com/v1/metrics\n" +
			"headers = X-Key = a=b%20;c#d , , X-Other=\ncompression = NONE\ntimeout_s = 5",
			Config{FilePath: "a.db", OTLP: &OTLP{Endpoint: "https://usage.example.com/v1/metrics",
				Headers: map[string]string{"X-Key": "a=b%20;c#d", "X-Other": ""}, Compression: "none", Timeout: 5 * time.Second}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := LoadFile(write(t, tt.text))
			must(t, err)
			if tt.want.SubmitInterval == 0 { // nothing is uploaded then, as in the library
				tt.want.SubmitInterval = NeverSubmit
			}
			got.Notes = nil // see TestLoadFileNotesWhatHasNoEffect
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestLoadFileNamesFileLineAndKey(t *testing.T) {
	const general = "[General]\nfilepath = a.db\n"
	for _, tt := range []struct {
		name, text string
		line       int
		key        string
		want       error
	}{
		{"empty", "", 0, "", ErrEmpty},
		{"only a comment", "# nothing\n", 0, "", ErrEmpty},
		{"no section", "filepath = a.db\n", 1, "", ErrUnknownSection},
		{"open section", "[General\nfilepath = a.db", 1, "", ErrSyntax},
		{"more after a section", "[General] filepath = a.db", 1, "", ErrSyntax},
		{"a value that goes on", general + "  b = c.db", 3, "", ErrUnknownKey},
		{"no key", general + "= 1", 3, "", ErrSyntax},
		{"no equals sign", general + "debug", 3, "", ErrSyntax},
		{"two destinations", general + "[HQ]\nhost = h\napi_key = k\n[OTLP]\nendpoint = http://h", 6, "", ErrTwoDestinations},
		{"no number", general + "submit_interval_s = 5 minutes", 3, "submit_interval_s", ErrBadValue},
		{"NaN", general + "submit_interval_s = NaN", 3, "submit_interval_s", ErrBadValue},
		{"infinite", general + "submit_interval_s = Inf", 3, "submit_interval_s", ErrBadValue},
		{"hexadecimal", general + "submit_interval_s = 0x10p1", 3, "submit_interval_s", ErrBadValue},
		{"exponent", general + "submit_interval_s = 1e2", 3, "submit_interval_s", ErrBadValue},
		{"underscore", general + "submit_interval_s = 1_000", 3, "submit_interval_s", ErrBadValue},
		{"empty number", general + "submit_interval_s =", 3, "submit_interval_s", ErrBadValue},
		{"negative", general + "submit_interval_s = -5", 3, "submit_interval_s", ErrBadValue},
		{"never, as code says it", general + "submit_interval_s = -0.000000001", 3, "submit_interval_s", ErrBadValue},
		{"almost never", general + "submit_interval_s = 0.00000000001", 3, "submit_interval_s", ErrBadValue},
		{"absurd", general + "submit_interval_s = 1000000000000", 3, "submit_interval_s", ErrBadValue},
		{"more than a float", general + "submit_interval_s = 1" + strings.Repeat("0", 400), 3, "submit_interval_s", ErrBadValue},
		{"check negative", general + "check_interval_s = -1", 3, "check_interval_s", ErrBadValue},
		{"check absurd", general + "check_interval_s = 1000000000000", 3, "check_interval_s", ErrBadValue},
		{"no bool", general + "debug = maybe", 3, "debug", ErrBadValue},
		{"empty bool", general + "enabled = ", 3, "enabled", ErrBadValue},
		{"installation id", general + "installation_id = " + strings.Repeat("ü", 256), 3, "installation_id", ErrBadValue},
		{"unlinkable", general + "unlinkable = perhaps", 3, "unlinkable", ErrBadValue},
		{"rotation in parts of days", general + "installation_rotation_days = 0.5", 3, "installation_rotation_days", ErrBadValue},
		{"rotation backwards", general + "installation_rotation_days = -1", 3, "installation_rotation_days", ErrBadValue},
		{"rotation absurd", general + "installation_rotation_days = 3661", 3, "installation_rotation_days", ErrBadValue},
		{"HQ without host", general + "[HQ]\napi_key = k", 3, "host", ErrMissingKey},
		{"HQ without key", general + "[HQ]\nhost = h\nAPI_Key =", 5, "API_Key", ErrMissingKey},
		{"HQ host with user", general + "[HQ]\nhost = u:p@h\napi_key = k", 4, "host", ErrBadValue},
		{"HQ host with bad port", general + "[HQ]\nhost = h:x\napi_key = k", 4, "host", ErrBadValue},
		{"HQ host that is bare IPv6", general + "[HQ]\nhost = 2001:db8::1\napi_key = k", 4, "host", ErrBadValue},
		{"HQ host with a query", general + "[HQ]\nhost = h?api_key=k\napi_key = k", 4, "host", ErrBadValue},
		{"HQ timeout", general + "[HQ]\nhost = h\napi_key = k\ntimeout_s = 0", 6, "timeout_s", ErrBadValue},
		{"OTLP without endpoint", general + "[OTLP]\ntimeout_s = 1", 3, "endpoint", ErrMissingKey},
		{"OTLP endpoint without scheme", general + "[OTLP]\nendpoint = localhost:4318", 4, "endpoint", ErrBadValue},
		{"header without value", general + "[OTLP]\nendpoint = http://h\nheaders = a=b, c", 5, "headers", ErrBadValue},
		{"header twice", general + "[OTLP]\nendpoint = http://h\nheaders = a=b, A=c", 5, "headers", ErrDuplicate},
		{"reserved header", general + "[OTLP]\nendpoint = http://h\nheaders = Host=b", 5, "headers", ErrBadValue},
		{"compression", general + "[OTLP]\nendpoint = http://h\ncompression = zstd", 5, "compression", ErrBadValue},
		{"control character", general + "application_name = a\x1bb", 3, "application_name", ErrBadValue},
		{"old Mac line ends", "[General]\nfilepath = a.db\rdebug = true", 2, "filepath", ErrBadValue},
		{"Latin-1", general + "application_name = Gr\xf6\xdfe", 3, "", ErrNotText},
		{"UTF-16", "\xff\xfe[\x00G\x00", 1, "", ErrNotText},
		{"NUL", general + "debug = \x00", 3, "", ErrNotText},
		{"a database", "SQLite format 3\x00\x10\x00", 1, "", ErrNotText},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, tt.text)
			c, err := LoadFile(path)
			e, ok := errors.AsType[*FileError](err)
			if !ok {
				t.Fatalf("got %v, want a *FileError", err)
			}
			if e.File != path || e.Line != tt.line || e.Key != tt.key || !errors.Is(e, tt.want) {
				t.Errorf("got line %d, key %q, %v; want line %d, key %q, %v", e.Line, e.Key, e.Err, tt.line, tt.key, tt.want)
			}
			if !reflect.DeepEqual(c, Config{}) {
				t.Errorf("got a Config with the error: %+v", c)
			}
			t.Log(err)
		})
	}
}

func TestLoadFileReportsAllThatIsWrong(t *testing.T) {
	_, err := LoadFile(write(t, "[General]\ndebug = maybe\nsubmit_interval_s = x\n"))
	for _, want := range []string{":2: debug", ":3: submit_interval_s"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	_, err = LoadFile(write(t, "[General]\n"+strings.Repeat("nonsense\n", 1000)))
	if n := strings.Count(err.Error(), "\n"); n >= maxErrors {
		t.Errorf("%d errors", n+1)
	}
}

// One line that is not understood, or has no effect, hides nothing else.
func TestLoadFileReportsValuesBesideUnknownKeys(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string // in the order of the lines, and nothing else
	}{
		{"[General]\nfilepaht = a.db\ndebug = maybe\nsubmit_interval_s = x\n[OTLP]\nendpoint = localhost:4318\ncompression = zstd\nheaders = Host=b\n",
			[]string{":3: debug: bad", ":4: submit_interval_s: bad", ":6: endpoint: OTLP: bad", ":7: compression: bad"}},
		{"[General]\nfilepath = a.db\ncolour = red\n[OTLP]\nendpoint = http://h\nheaders = Host=b\n",
			[]string{":6: headers: OTLP: bad"}},
		{"[General]\nfilepath = a\ndebug = maybe\n[HQ]\nhost = h:x\nnonsense\n",
			[]string{":3: debug: bad", ":4: api_key: missing", ":5: host: HQ: bad", ":6: not understood"}},
		{"[General\nfilepath = a.db\n[HQ]\nhost = h:x\napi_key = k\napi_key = l\n",
			[]string{":1: not understood", ":4: host: HQ: bad"}},
		{"[General]\nfilepath = a.db\n[Other]\ndebug = maybe\n[HQ]\nhost = h\napi_key = k\ntimeout_s = x\n",
			[]string{":8: timeout_s: bad"}},
	} {
		_, err := LoadFile(write(t, c.text))
		if err == nil {
			t.Errorf("%q is taken", c.text)
			continue
		}
		got := strings.Split(err.Error(), "\nread configuration ")
		if len(got) != len(c.want) {
			t.Errorf("%q: got %d errors, want %d: %v", c.text, len(got), len(c.want), err)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%q: error %d is %q, want %q", c.text, i, got[i], want)
			}
		}
	}
}

// TestLoadFileNotesWhatHasNoEffect: what the library reads over is noted with its
// line, and Start passes it on.
func TestLoadFileNotesWhatHasNoEffect(t *testing.T) {
	const general, hq = "[General]\nfilepath = a.db\nsubmit_interval_s = 1\n", "[HQ]\nhost = h\napi_key = k\n"
	for _, tt := range []struct {
		name, text string
		line       int
		key        string
		note       error
		want       Config
	}{
		{"unknown section", general + "[Genera]\nx = 1\nnonsense", 4, "", ErrUnknownSection, Config{}},
		{"only an unknown section", "[Genera]\nx = 1\nnonsense", 1, "", ErrUnknownSection, Config{SubmitInterval: NeverSubmit}},
		{"DEFAULT", general + "[DEFAULT]\ndebug = true", 4, "", ErrUnknownSection, Config{}},
		{"section twice", general + "[general]\ndebug = 1", 4, "", ErrDuplicate, Config{Debug: true}},
		{"unknown key", general + "\nfilepaht = b.db", 5, "filepaht", ErrUnknownKey, Config{}},
		{"key of another section", general + "host = h", 4, "host", ErrUnknownKey, Config{}},
		{"no name", general + "- = h", 4, "-", ErrUnknownKey, Config{}},
		{"key in quotes", general + "\"debug\" = true", 4, `"debug"`, ErrUnknownKey, Config{}},
		{"key twice", general + "FilePath = b.db", 4, "FilePath", ErrDuplicate, Config{FilePath: "b.db"}},
		{"key twice, in two sections", general + hq + "[hq]\nserver = i", 7, "", ErrDuplicate, Config{HQ: &HQ{Host: "i", APIKey: "k"}}},
		{"unknown key of HQ", general + hq + "port = 21", 7, "port", ErrUnknownKey, Config{HQ: &HQ{Host: "h", APIKey: "k"}}},
		{"no submit interval", "[General]\nfilepath = a.db\n" + hq, 1, "submit_interval_s", ErrNeverSubmits,
			Config{SubmitInterval: NeverSubmit, HQ: &HQ{Host: "h", APIKey: "k"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, tt.text)
			c, err := LoadFile(path)
			must(t, err)
			if len(c.Notes) == 0 {
				t.Fatal("nothing is noted")
			}
			e, ok := errors.AsType[*FileError](c.Notes[0])
			if !ok || e.File != path || e.Line != tt.line || e.Key != tt.key || !errors.Is(e, tt.note) {
				t.Errorf("noted %v, want line %d, key %q, %v", c.Notes[0], tt.line, tt.key, tt.note)
			}
			if tt.want.FilePath == "" && strings.HasPrefix(tt.text, "[General]") {
				tt.want.FilePath = "a.db"
			}
			if tt.want.SubmitInterval == 0 {
				tt.want.SubmitInterval = time.Second
			}
			notes := c.Notes
			c.Notes = nil
			if !reflect.DeepEqual(c, tt.want) {
				t.Errorf("got %+v, want %+v", c, tt.want)
			}

			var told []error
			c.Notes, c.FilePath, c.HQ, c.Tracker = notes, filepath.Join(t.TempDir(), "usage.db"), nil, new(otelusage.Tracker)
			c.OnError = func(err error) { told = append(told, err) }
			u, err := Start(t.Context(), c)
			must(t, err)
			if len(told) != len(notes) || !errors.Is(u.Err(), tt.note) {
				t.Errorf("Start reported %v and keeps %v, want %v", told, u.Err(), notes)
			}
			must(t, u.Close())
		})
	}
}

// TestCodeMendsTheSubmitInterval that the file does not have: it is no news then.
func TestCodeMendsTheSubmitInterval(t *testing.T) {
	hq := newHQ(t)
	c, err := LoadFile(write(t, "[General]\napplication_name = MyApp\napplication_version = 1.0\n[HQ]\nhost = "+hq.URL+"\napi_key = k\n"))
	must(t, err)
	c.FilePath, c.Tracker = filepath.Join(t.TempDir(), "usage.db"), new(otelusage.Tracker)
	never := started(t, func() Config { n := c; n.OnError = func(error) {}; return n }())
	count(t, never, 1)
	if err := never.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) {
		t.Errorf("without a submit interval Submit returns %v", err)
	}
	must(t, never.Close())

	c.SubmitInterval, c.Tracker = time.Hour, new(otelusage.Tracker)
	u := started(t, c) // which fails the test for each report
	count(t, u, 2)
	must(t, u.Submit(t.Context()))
	must(t, u.Close())
	if _, bodies := hq.got(); len(bodies) != 1 {
		t.Errorf("%d uploads, want one", len(bodies))
	}
}

func TestErrorsDoNotQuoteSecrets(t *testing.T) {
	const secret = "s3cr3tT0ken"
	for name, text := range map[string]string{
		"key with a control character": "[HQ]\nhost = h\napi_key = " + secret + "\x07",
		"key with a second line":       "[HQ]\nhost = h\napi_key = a\n  " + secret + "==",
		"second and third line":        "[HQ]\nhost = h\napi_key = a\n  b==\n  " + secret + "==",
		"key with a bare second line":  "[HQ]\nhost = h\napi_key = a\n" + secret,
		"key with a carriage return":   "[HQ]\nhost = h\napi_key = a\r" + secret,
		"key in backquotes":            "[HQ]\nhost = h\napi_key = `" + secret,
		"key twice":                    "[HQ]\nhost = h\napi_key = a\napi_key = " + secret,
		"key in a URL":                 "[HQ]\nhost = https://" + secret + "@h\napi_key = k",
		"key and a bad host":           "[HQ]\nhost = h:-1\napi_key = " + secret,
		"header value":                 "[OTLP]\nendpoint = http://h\nheaders = X-Key=" + secret + "\x07",
		"header without a name":        "[OTLP]\nendpoint = http://h\nheaders = " + secret,
		"header with comma":            "[OTLP]\nendpoint = http://h\nheaders = X-Key=a," + secret,
		"header with a bad name":       "[OTLP]\nendpoint = http://h\nheaders = Bearer " + secret + "=",
		"header twice":                 "[OTLP]\nendpoint = http://h\nheaders = a=1,a=" + secret,
		"endpoint with a password":     "[OTLP]\nendpoint = http://u:" + secret + "@h",
		"endpoint with a query":        "[OTLP]\nendpoint = http://h/?k=" + secret,
	} {
		t.Run(name, func(t *testing.T) {
			c, err := LoadFile(write(t, "[General]\nfilepath = a.db\n"+text))
			said := errors.Join(append(c.Notes, err)...)
			if said == nil || strings.Contains(said.Error(), secret) {
				t.Errorf("got %v", said)
			}
		})
	}
}

func TestLoadFileRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge.ini")
	must(t, os.WriteFile(huge, nil, 0o600))
	must(t, os.Truncate(huge, 1<<30))
	large := write(t, sample+strings.Repeat("#\n", maxFileSize/2))
	for name, tt := range map[string]struct {
		path string
		want error
	}{
		"directory": {dir, ErrNotFile},
		"device":    {os.DevNull, ErrNotFile},
		"1 GiB":     {huge, ErrTooLarge},
		"1 MiB":     {large, ErrTooLarge},
		"missing":   {filepath.Join(dir, "none.ini"), fs.ErrNotExist},
		"no name":   {"", fs.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadFile(tt.path)
			if e, ok := errors.AsType[*FileError](err); !ok || e.File != tt.path || !errors.Is(err, tt.want) {
				t.Errorf("got %v, want a *FileError for %v", err, tt.want)
			}
			t.Log(err)
		})
	}
	_, err := LoadFile(write(t, sample+strings.Repeat("#", maxFileSize-len(sample))))
	must(t, err)
}
