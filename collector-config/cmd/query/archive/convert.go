package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/duck"
	"github.com/anonymoususage/anonymoususage-go/collector-config/cmd/query/internal/rotation"
)

const (
	// mostApplications is how many applications of a file have directories of their
	// own, those with most points. Anybody can send any number of names.
	mostApplications = 50
	// otherApplications is the directory of all others. The files have the names.
	otherApplications = "__OTHER__"
	// mostDays is how long before its rotation a file may have been begun.
	mostDays = 1000
)

// plain are the names of applications that can be names of directories.
var plain = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// key are the columns that tell points apart: the view usage has the same.
const key = "application, version, installation, mirror, kind, scope_version, metric, unit, type, state, checkpoint, period, date, attributes, started, ended"

// columns are those of the Parquet files, which the view parquet_points reads.
const columns = key + ", received, value, runs, buckets, arrivals"

// converted says what became of a file.
type converted struct {
	points, kept int64 // that arrived; once each
	parts        int
	size         int64
}

// convert writes the Parquet of a rotated file. Its directory is renamed when it is
// complete, read back and on the disk: it has either everything of the file or is not
// there, whenever this is killed. The views read the JSON until then.
func (k *keeper) convert(ctx context.Context, f rotation.File) (converted, error) {
	c, err := k.stage(ctx, f)
	if err != nil {
		return c, err
	}
	unfinished := filepath.Join(k.parquet, unfinishedPrefix+f.Name)
	if err := os.RemoveAll(unfinished); err != nil {
		return c, fmt.Errorf("remove what is unfinished: %w", err)
	}
	if c.parts, err = k.write(ctx, unfinished); err != nil {
		return c, err
	}
	if err := k.verify(ctx, unfinished, c); err != nil {
		return c, err
	}
	if c.size, err = syncTree(unfinished); err != nil {
		return c, fmt.Errorf("write to the disk: %w", err)
	}
	if err := os.Rename(unfinished, k.directory(f)); err != nil {
		return c, fmt.Errorf("finish Parquet: %w", err)
	}
	return c, syncDirectory(k.parquet)
}

// stage reads a file into the table staged, each point once.
func (k *keeper) stage(ctx context.Context, f rotation.File) (converted, error) {
	var c converted
	day := f.At.UTC().Format(time.DateOnly)
	from, to := f.At.AddDate(0, 0, -mostDays).UnixNano(), f.At.AddDate(0, 0, 1).UnixNano()
	for _, statement := range []string{
		"SET VARIABLE json_files = " + duck.List([]string{f.Path}),
		"CREATE OR REPLACE TABLE stage.arrived AS SELECT * FROM json_points",
		`CREATE OR REPLACE TABLE stage.once AS SELECT ` + key + `, min(received) AS received, min(value) AS value, min(runs) AS runs, min(buckets) AS buckets,
			CAST(sum(arrivals) AS BIGINT) AS arrivals FROM stage.arrived GROUP BY ` + key,
		// The Collector says when it received a point. The day of the rotation is that of
		// points that do not say it.
		fmt.Sprintf(`CREATE OR REPLACE TABLE stage.points AS SELECT *, CASE WHEN received BETWEEN %d AND %d
			THEN strftime(make_timestamp(received // 1000), '%%Y-%%m-%%d') ELSE %s END AS day FROM stage.once`, from, to, duck.Quote(day)),
		"DROP TABLE stage.once",
	} {
		if _, err := k.db.ExecContext(ctx, statement); err != nil {
			return c, fmt.Errorf("read JSON: %w", err)
		}
	}
	err := k.db.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM stage.arrived), (SELECT count(*) FROM stage.points)").Scan(&c.points, &c.kept)
	if err != nil {
		return c, fmt.Errorf("count points: %w", err)
	}
	_, err = k.db.ExecContext(ctx, "DROP TABLE stage.arrived")
	return c, err
}

// part is a directory's share of the points.
type part struct{ application, day string }

// write writes one file for each application and day.
func (k *keeper) write(ctx context.Context, into string) (int, error) {
	if err := os.MkdirAll(into, 0o700); err != nil {
		return 0, fmt.Errorf("make directory: %w", err)
	}
	own, err := k.applications(ctx)
	if err != nil {
		return 0, err
	}
	name := fmt.Sprintf("CASE WHEN application IN (SELECT unnest(%s)) THEN application ELSE %s END", duck.List(own), duck.Quote(otherApplications))
	parts, err := rowsOf(ctx, k.db, func(rows *sql.Rows) (p part, err error) { return p, rows.Scan(&p.application, &p.day) },
		"SELECT DISTINCT "+name+", day FROM stage.points ORDER BY ALL")
	if err != nil {
		return 0, fmt.Errorf("list applications and days: %w", err)
	}
	for i, p := range parts {
		dir := filepath.Join(into, "application="+p.application, "day="+p.day)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return 0, fmt.Errorf("make directory: %w", err)
		}
		// The number tells apart what file systems without capital letters do not.
		file := filepath.Join(dir, fmt.Sprintf("part-%d.parquet", i))
		points := fmt.Sprintf("SELECT %s FROM stage.points WHERE day = %s AND %s = %s ORDER BY mirror, ended, kind, metric, attributes",
			columns, duck.Quote(p.day), name, duck.Quote(p.application))
		if _, err := k.db.ExecContext(ctx, copyTo(points, file)); err != nil {
			return 0, fmt.Errorf("write Parquet: %w", err)
		}
	}
	return len(parts), nil
}

// copyTo is the statement that writes a Parquet file.
func copyTo(points, file string) string {
	return fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)", points, duck.Quote(file))
}

// applications are those that have a directory.
func (k *keeper) applications(ctx context.Context) ([]string, error) {
	names, err := rowsOf(ctx, k.db, func(rows *sql.Rows) (name string, err error) { return name, rows.Scan(&name) },
		fmt.Sprintf("SELECT application FROM stage.points GROUP BY application HAVING regexp_matches(application, %s) ORDER BY count(*) DESC, application LIMIT %d",
			duck.Quote(plain.String()), mostApplications))
	if err != nil {
		return nil, fmt.Errorf("list applications: %w", err)
	}
	return names, nil
}

var errDiffers = errors.New("the Parquet read back is not what was written")

// verify reads the Parquet back and compares it with what was read from the JSON.
func (k *keeper) verify(ctx context.Context, dir string, c converted) error {
	digest := "SELECT count(*), coalesce(sum(arrivals), 0)::BIGINT, coalesce(bit_xor(hash(" + columns + ")), 0)::VARCHAR FROM "
	var staged, written struct {
		points, arrivals int64
		hash             string
	}
	if err := k.db.QueryRowContext(ctx, digest+"stage.points").Scan(&staged.points, &staged.arrivals, &staged.hash); err != nil {
		return fmt.Errorf("verify Parquet: %w", err)
	}
	files, err := parquetFiles(dir)
	if err != nil {
		return err
	}
	if len(files) > 0 {
		from := "read_parquet(" + duck.List(files) + ", hive_partitioning = false)"
		if err := k.db.QueryRowContext(ctx, digest+from).Scan(&written.points, &written.arrivals, &written.hash); err != nil {
			return fmt.Errorf("verify Parquet: %w", err)
		}
	} else {
		written.hash = "0"
	}
	if written != staged || written.points != c.kept || written.arrivals != c.points {
		return fmt.Errorf("verify Parquet: %w: %v, want %v of %d points", errDiffers, written, staged, c.points)
	}
	return nil
}

// parquetFiles are all Parquet files below a directory.
func parquetFiles(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".parquet") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list Parquet: %w", err)
	}
	return files, nil
}

// rowsOf returns the rows of a query.
func rowsOf[T any](ctx context.Context, db *sql.DB, scan func(*sql.Rows) (T, error), query string) (list []T, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, rows.Err()
}
