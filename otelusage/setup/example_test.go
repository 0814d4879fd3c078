package setup_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/setup"
)

// A file configures usage tracking. Values in code override the file.
func Example() {
	dir, err := os.MkdirTemp("", "usage")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "usage.ini")
	err = os.WriteFile(file, []byte(`[General]
filepath = usage_stats.db
application_name = MyApp
submit_interval_s = 500

[HQ]
host = www.usagetrackerapp.com
api_key = ldfhksg23542kj5g73kk3465j
`), 0o600)
	if err != nil {
		fmt.Println(err)
		return
	}

	cfg, err := setup.LoadFile(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg.FilePath = filepath.Join(dir, "usage.db") // wins over the file
	cfg.ApplicationVersion = "1.0.0"
	cfg.RequireConsent = true
	cfg.Tracker = new(otelusage.Tracker) // nil: otelusage.Default()

	ctx := context.Background()
	usage, err := setup.Start(ctx, cfg)
	if err != nil {
		fmt.Println(err) // counting continues in memory
	}
	defer usage.Close()

	quests, err := usage.Tracker().Statistic("quests_complete")
	if err != nil {
		fmt.Println(err)
	}
	quests.Add(2)
	consent, err := usage.Consent(ctx)
	fmt.Println(quests.Value(), cfg.SubmitInterval == 500*time.Second, consent.ShouldAsk, consent.Sending, err)
	// Output: 2 true true false <nil>
}
