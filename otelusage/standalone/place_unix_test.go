//go:build unix

package standalone

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// nullDevice makes a node of its own: nothing is tried on that of the machine.
func nullDevice(t *testing.T, path string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("devices have other numbers")
	}
	if out, err := exec.CommandContext(t.Context(), "mknod", path, "c", "1", "3").CombinedOutput(); err != nil {
		t.Skipf("this user may not make devices: %v, %s", err, out)
	}
}

func isDevice(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}

// TestALinkToTheNullDeviceRecordsNothingQuietly: a person made it to opt out.
func TestALinkToTheNullDeviceRecordsNothingQuietly(t *testing.T) {
	dir := t.TempDir()
	null, link := filepath.Join(dir, "null"), filepath.Join(dir, "usage.db")
	nullDevice(t, null)
	if err := os.Symlink(null, link); err != nil {
		t.Fatal(err)
	}
	u, err := Start(t.Context(), Config{FilePath: link, ApplicationName: "x", OnError: func(err error) { t.Error("told:", err) }})
	if err != nil || u.Err() != nil || u.Store() != nil {
		t.Errorf("Start = %v, Err = %v, Store = %v", err, u.Err(), u.Store())
	}
	n, err := u.Tracker().Statistic("n")
	if err != nil {
		t.Fatal(err)
	}
	n.Add(3)
	if n.Value() != 3 {
		t.Errorf("counted %d", n.Value())
	}
	c, err := u.Consent(t.Context())
	if err != nil || c.Mode != localstore.ModeOff || c.Sending || c.ShouldAsk || c.Reason != "a link to the null device lies in the mirror's place" {
		t.Errorf("Consent = %+v, %v", c, err)
	}
	if err := u.Submit(t.Context()); !errors.Is(err, exporter.ErrNoConsent) {
		t.Errorf("Submit = %v", err)
	}
	if err := errors.Join(u.Flush(t.Context()), u.Close()); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 || !isDevice(null) {
		t.Errorf("left: %v", entries)
	}
}

// TestADeviceIsNoMirror: a device that is named itself is a mistake that
// somebody is told of.
func TestADeviceIsNoMirror(t *testing.T) {
	path := filepath.Join(t.TempDir(), "null")
	nullDevice(t, path)
	u, err := Start(t.Context(), Config{FilePath: path, ApplicationName: "x"})
	if !errors.Is(err, localstore.ErrNotMirror) || u.Err() == nil {
		t.Errorf("Start = %v", err)
	}
	if err := u.Close(); err != nil || !isDevice(path) {
		t.Errorf("Close = %v, a device still: %v", err, isDevice(path))
	}
}

// TestARelativeHomeIsRefused: it would be another one in each working directory.
func TestARelativeHomeIsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("HOME", "home")
	t.Setenv("XDG_CONFIG_HOME", "")
	u, err := Start(t.Context(), Config{ApplicationName: "x"})
	if err == nil {
		t.Errorf("Start made %s", u.Store().Path())
	}
	if err := u.Close(); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir("."); len(entries) > 0 {
		t.Errorf("made: %v", entries)
	}
}
