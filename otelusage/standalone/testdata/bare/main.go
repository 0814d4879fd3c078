// Command bare is the least that remembers a count in a SQLite file: it opens
// the file, commits once and closes it.
package main

import (
	"database/sql"
	"fmt"
	"os"

	_ "modernc.org/sqlite"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string) error {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(normal)")
	if err != nil {
		return err
	}
	if _, err := db.Exec(`CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER)`); err != nil {
		return err
	}
	_, err = db.Exec(`INSERT INTO counts VALUES ('runs', 1) ON CONFLICT DO UPDATE SET value = value + 1`)
	if err != nil {
		return err
	}
	return db.Close()
}
