package view

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// snapshotFile writes a complete copy of the mirror, without a journal.
func snapshotFile(t testing.TB, m *mirror) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "usage.db")
	execute(t, m.Path(), `VACUUM INTO '`+copied+`'`)
	return copied
}

// letGo makes who only reads a mirror close it, for the test to replace it: on
// Windows an open file stays. A note that the mirror is damaged does that, as
// idle time does.
func letGo(t testing.TB, path string, readers ...*localstore.Store) {
	t.Helper()
	if runtime.GOOS != "windows" {
		return
	}
	note := path + ".damaged"
	must(t, os.WriteFile(note, nil, 0o600))
	for _, r := range readers {
		_ = r.Path() // any call
	}
	must(t, os.Remove(note))
}

func execute(t testing.TB, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	defer db.Close()
	_, err = db.Exec(query)
	must(t, err)
}

func TestBadMirrorsWhileViewed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  error
	}{
		"vanished": {func(t *testing.T, path string) { must(t, os.Remove(path)) }, fs.ErrNotExist},
		"newer schema": {func(t *testing.T, path string) { execute(t, path, `PRAGMA user_version = 9999`) },
			localstore.ErrNewerSchema},
		"somebody else's": {func(t *testing.T, path string) {
			must(t, os.Remove(path))
			execute(t, path, `CREATE TABLE albums (title TEXT)`)
		}, localstore.ErrNotMirror},
		"empty": {func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.WriteFile(path, nil, 0o600))
		}, localstore.ErrNotMirror},
		"damaged pages": {func(t *testing.T, path string) {
			content, err := os.ReadFile(path)
			must(t, err)
			for i := 4096; i < len(content); i++ {
				content[i] = 0xa5
			}
			must(t, os.Remove(path))
			must(t, os.WriteFile(path, content, 0o600))
		}, localstore.ErrDamaged},
		"a directory": {func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Mkdir(path, 0o700))
		}, localstore.ErrNotMirror},
	} {
		t.Run(name, func(t *testing.T) {
			path := snapshotFile(t, newMirror(t))
			store, err := localstore.Open(path, localstore.ReadOnly())
			must(t, err)
			defer store.Close()
			var told errorList
			h := newHandler(t, store, WithErrorHandler(told.add))
			wantStatus(t, call(h, "GET", "/data", ""), http.StatusOK)
			letGo(t, path, store, h.reader)
			c.spoil(t, path)
			for _, target := range []string{"/data", "/preview", "/usage.csv", "/usage.json", "/sent?batch=1"} {
				told.list = nil
				r := call(h, "GET", target, "")
				wantStatus(t, r, http.StatusServiceUnavailable)
				if r.Header.Get("ETag") != "" || r.Header.Get("Content-Disposition") != "" {
					t.Errorf("%s: headers of an answer: %v", target, r.Header)
				}
				if got := text(t, r); !strings.Contains(got, `"error"`) || strings.Contains(got, path) {
					t.Errorf("%s: answer %s", target, got)
				}
				if len(told.list) != 1 || !errors.Is(told.list[0], c.want) {
					t.Errorf("%s: told %v, want %v", target, told.list, c.want)
				}
			}
			wantStatus(t, call(h, "GET", "/", ""), http.StatusOK)
		})
	}
}

// vanished is an open Store whose file was deleted.
func vanished(t *testing.T) *localstore.Store {
	t.Helper()
	path := snapshotFile(t, newMirror(t))
	store, err := localstore.Open(path, localstore.ReadOnly())
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	letGo(t, path, store)
	must(t, os.Remove(path))
	return store
}

func TestNewRefusesWhatIsNoMirror(t *testing.T) {
	if _, err := New(vanished(t)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("New: %v", err)
	}
}

func TestClosedHandlerSaysSo(t *testing.T) {
	var told errorList
	h := newHandler(t, newMirror(t).Store, WithErrorHandler(told.add))
	must(t, h.Close())
	wantStatus(t, call(h, "GET", "/data", ""), http.StatusServiceUnavailable)
}

func TestServeMakesNoMirror(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "usage.db")
	err := Serve(t.Context(), path, "", func(string) { t.Error("ready") })
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Serve: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("something was made")
	}
}

func TestServeUntilTheContextEnds(t *testing.T) {
	m := newMirror(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	urls, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- Serve(ctx, m.Path(), "", func(url string) { urls <- url }) }()
	url := <-urls
	if !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Errorf("served at %s, which is not loopback", url)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(url + "data")
	must(t, err)
	wantStatus(t, r, http.StatusOK)
	must(t, r.Body.Close())
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Serve: %v", err)
	}
	if _, err := client.Get(url); err == nil {
		t.Error("still served")
	}
}

func TestServeSaysThatItCannotListen(t *testing.T) {
	m := newMirror(t)
	if err := Serve(t.Context(), m.Path(), "127.0.0.1:-1", nil); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("Serve: %v", err)
	}
}
