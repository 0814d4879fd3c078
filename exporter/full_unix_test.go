//go:build unix

package exporter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func init() { children["full"] = countOnAFullDisk }

// countOnAFullDisk is an application whose files stop growing for a while.
func countOnAFullDisk(path, _, _ string) error {
	signal.Ignore(syscall.SIGXFSZ) // writing beyond the limit is an error instead
	ctx := context.Background()
	store, err := localstore.Open(path)
	if err != nil {
		return err
	}
	var reported []error
	exp, err := New(store, WithErrorHandler(func(err error) { reported = append(reported, err) }))
	if err != nil {
		return err
	}
	reader := NewReader(exp)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	tracker, err := otelusage.New(otelusage.WithMeterProvider(provider), otelusage.WithLedger(store))
	if err != nil {
		return err
	}
	n, err := tracker.Statistic("n")
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	plenty := limit.Cur
	limit.Cur = 256 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	failed := 0
	for i := range 400 {
		n.Inc()
		n.With(attribute.String("i", fmt.Sprint(i)), attribute.String("pad", string(bytes.Repeat([]byte("x"), 1000)))).Inc()
		if err := reader.Record(ctx); err != nil {
			exp.reported.report(err)
			failed++
		}
	}
	if failed == 0 {
		return errors.New("the disk was never full")
	}
	if len(reported) != 1 {
		return fmt.Errorf("%d failures were reported %d times: %w", failed, len(reported), errors.Join(reported...))
	}
	limit.Cur = plenty
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	n.Inc()
	if err := provider.Shutdown(ctx); err != nil {
		return err
	}
	fmt.Printf("%d recordings failed, reported: %v\n", failed, reported)
	return store.Close()
}

func TestFullDiskLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a disk")
	}
	path := filepath.Join(t.TempDir(), "usage.db")
	out, err := command(t, "full", path, "", "").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	r := setup{path: path}.start(t)
	n := r.statistic("n")
	if n.Value() != 401 || n.Sum() != 801 {
		t.Errorf("the mirror holds %d, in all %d, want 401 and 801", n.Value(), n.Sum())
	}
	r.end()
	if found, err := filepath.Glob(path + ".damaged*"); err != nil || len(found) > 0 {
		t.Errorf("a full disk was taken for damage: %v, %v", found, err)
	}
	_ = os.Remove(path)
}
