package standalone_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// Two runs of a program: the second one knows what the first one counted.
func ExampleStart() {
	dir, err := os.MkdirTemp("", "usage")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for range 2 {
		usage, err := standalone.Start(context.Background(), standalone.Config{
			FilePath:           filepath.Join(dir, "usage.db"), // without one it is in the user's configuration directory
			ApplicationName:    "mygame",
			ApplicationVersion: "1.0.0",
			Tracker:            new(otelusage.Tracker), // without one it is otelusage.Default()
		})
		if err != nil {
			fmt.Println(err) // counting continues
		}
		quests, err := usage.Tracker().Statistic("quests_complete")
		if err != nil {
			fmt.Println(err)
		}
		quests.Add(2)
		fmt.Println(quests)
		if err := usage.Close(); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// quests_complete: 2
	// quests_complete: 4
}

// A program that sends nothing before somebody at its terminal agreed.
func ExampleUsage_Ask() {
	dir, err := os.MkdirTemp("", "usage")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	forwarder, forwarderErr := otlp.New(ctx, otlp.WithEndpointURL("https://usage.example.com/v1/metrics"))
	usage, startErr := standalone.Start(ctx, standalone.Config{
		FilePath:        filepath.Join(dir, "usage.db"),
		ApplicationName: "mytool",
		Forwarder:       forwarder,
		RequireConsent:  true, // without it there is nothing to ask
		Tracker:         new(otelusage.Tracker),
	})
	if err := errors.Join(forwarderErr, startErr); err != nil {
		fmt.Println(err)
	}
	defer usage.Close()

	consent, err := usage.Ask(ctx, "May mytool send how often its commands are used?")
	if errors.Is(err, standalone.ErrUndecided) {
		fmt.Println("Nobody decided. Sending:", consent.Sending)
	}
}

// The user decides. The mirror remembers it for all runs and processes.
func ExampleUsage_Disable() {
	dir, err := os.MkdirTemp("", "usage")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	usage, err := standalone.Start(ctx, standalone.Config{
		FilePath:        filepath.Join(dir, "usage.db"),
		ApplicationName: "mygame",
		Tracker:         new(otelusage.Tracker),
	})
	if err != nil {
		fmt.Println(err)
	}
	defer usage.Close()

	if err := usage.Disable(ctx); err != nil { // or Enable, or Erase
		fmt.Println(err)
	}
	consent, err := usage.Consent(ctx)
	fmt.Println(consent.Mode, consent.Sending, err)
	// Output: local false <nil>
}
