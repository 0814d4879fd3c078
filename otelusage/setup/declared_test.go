package setup

import (
	"errors"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func TestDeclaredOnlyOfTheFileReachesTheTracker(t *testing.T) {
	cfg, err := parse("usage.ini", []byte("[General]\nfilepath = usage.db\ndeclared_only = true\n"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.FilePath, cfg.Tracker = filepath.Join(t.TempDir(), "usage.db"), new(otelusage.Tracker)
	usage, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer usage.Close()
	n, err := usage.Tracker().Statistic("n")
	if err != nil {
		t.Fatal(err)
	}
	if n.With(attribute.String("user", "ada")) != n || !errors.Is(usage.Err(), otelusage.ErrUndeclared) {
		t.Errorf("an attribute was kept, reported %v", usage.Err())
	}
}
