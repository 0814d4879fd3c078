// Command sqlite links SQLite, and starts nothing.
package main

import (
	"database/sql"
	"os"

	_ "modernc.org/sqlite"
)

func main() {
	if len(os.Args) == 0 { // as never, which the linker does not know
		db, _ := sql.Open("sqlite", "")
		_, _ = db.Exec("")
	}
}
