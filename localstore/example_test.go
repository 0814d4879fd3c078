package localstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// What an application recorded can be read while it runs, also by another
// process. Consent belongs to the person and holds for every process.
func Example() {
	dir, err := os.MkdirTemp("", "usage")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "usage.db")
	ctx := context.Background()

	usage, err := standalone.Start(ctx, standalone.Config{FilePath: path, ApplicationName: "mygame", Tracker: new(otelusage.Tracker)})
	if err != nil {
		fmt.Println(err)
	}
	quests, err := usage.Tracker().Statistic("quests_complete")
	if err != nil {
		fmt.Println(err)
	}
	quests.Add(2)
	if err := usage.Close(); err != nil {
		fmt.Println(err)
	}

	store, err := localstore.Open(path, localstore.Existing())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	snap, err := store.Snapshot(ctx, snapshot.Query{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range snap.Trackables {
		fmt.Println(t.Name, t.Total)
	}
	if err := store.Disable(ctx); err != nil {
		fmt.Println(err)
	}
	consent, err := store.Consent(ctx)
	fmt.Println(consent.Mode, err)
	// Output:
	// quests_complete 2
	// local <nil>
}
