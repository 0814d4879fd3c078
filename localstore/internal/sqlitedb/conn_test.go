package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/place"
)

func openFresh(t *testing.T) (c *Conn, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "some.db")
	if err := place.Create(path); err != nil {
		t.Fatal(err)
	}
	c, err := Open(path, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, path
}

// TestTheHandleIsFound: without it a query ends between two rows alone.
func TestTheHandleIsFound(t *testing.T) {
	if c, _ := openFresh(t); c.handle == 0 {
		t.Error("the driver keeps SQLite's handle elsewhere")
	}
}

// TestAQueryEndsWithItsContext, also in the middle of a row.
func TestAQueryEndsWithItsContext(t *testing.T) {
	c, _ := openFresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.EndWith(ctx)
	err := c.Each(`WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
		SELECT 1 UNION ALL SELECT count(*) FROM c`, func(*sql.Rows) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("endless query = %v", err)
	}
	c.EndWith(t.Context())
	if n, err := c.Find(`SELECT 7`); n != 7 || err != nil {
		t.Errorf("the next one = %d, %v", n, err)
	}
}

// TestATransactionThatFailsLeavesNothing, and the connection goes on.
func TestATransactionThatFailsLeavesNothing(t *testing.T) {
	c, _ := openFresh(t)
	failed := errors.New("failed")
	err := c.Immediate(func() error {
		_, err := c.Exec(`CREATE TABLE t (n)`)
		return errors.Join(err, failed)
	})
	if !errors.Is(err, failed) || errors.As(err, new(*CommitError)) {
		t.Errorf("transaction = %v", err)
	}
	if n, err := c.Find(`SELECT count(*) FROM sqlite_schema`); n != 0 || err != nil {
		t.Errorf("left: %d, %v", n, err)
	}
}

// TestALockFileIsHeldByOne, and gone afterwards.
func TestALockFileIsHeldByOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "some.lock")
	err := WithLockFile(path, 0, func() error {
		if err := WithLockFile(path, 0, func() error { return nil }); !HasCode(err, CodeBusy) {
			t.Errorf("a second one = %v", err)
		}
		return nil
	})
	if _, statErr := os.Stat(path); err != nil || !errors.Is(statErr, os.ErrNotExist) {
		t.Errorf("lock file = %v, left: %v", err, statErr)
	}
}
