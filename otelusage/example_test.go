package otelusage_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
)

// A game counts what happens in a session. It would attach the tracker to a
// MeterProvider and a mirror.
func Example() {
	tracker, err := otelusage.New(otelusage.WithMeterProvider(noop.NewMeterProvider()))
	if err != nil {
		fmt.Println(err) // counting goes on
	}
	defer tracker.Close()

	quests, _ := tracker.Statistic("quests_complete", otelusage.WithDescription("Quests handed in"))
	server, _ := tracker.State("server", otelusage.NoState)
	playTime, _ := tracker.Timer("play_time")
	roundTrip, _ := tracker.Sequence("round_trip", []string{"town", "forest", "town"})

	server.Set("Metric")
	quests.Add(2)
	quests.Inc()
	playTime.Record(context.Background(), 3*time.Hour)
	for _, place := range []string{"town", "forest", "town"} {
		if roundTrip.Hit(place) {
			fmt.Println("back home")
		}
	}

	for trackable := range tracker.All() {
		fmt.Println(trackable)
	}
	// Output:
	// back home
	// quests_complete: 3
	// server: Metric
	// play_time: 1 run, 3 hours
	// round_trip: 1 completion
}

// Everything that the README of the Python library (anonymoususage
// 1.14, Python) shows, its lines beside those here.
func Example_reference() {
	tracker := new(otelusage.Tracker)

	runNumber, _ := tracker.Statistic("run_number") // tracker.track_statistic('run_number')
	runNumber.Add(1)                                // tracker['run_number'] += 1
	fmt.Println(runNumber)
	runNumber.Add(-1) // tracker['run_number'] -= 1
	fmt.Println(runNumber)
	runNumber.Set(1) // tracker['run_number'] = 1
	fmt.Println(runNumber)

	units, _ := tracker.State("Unit System", "Metric") // tracker.track_state('Unit System', 'Metric')
	fmt.Println(units)
	units.Set("US Standard") // tracker['Unit System'] = 'US Standard'
	fmt.Println(units)

	taskA, _ := tracker.Timer("task_A")           // tracker.track_time('task_A')
	taskA.Start()                                 // tracker['task_A'].start_timer()
	taskA.Pause()                                 // tracker['task_A'].pause_timer()
	taskA.Resume()                                // tracker['task_A'].resume_timer()
	taskA.Stop()                                  // tracker['task_A'].stop_timer()
	_ = taskA.Total().Hours()                     // tracker['task_A'].total_hours
	_ = taskA.Total().Minutes()                   // tracker['task_A'].total_minutes
	fmt.Println(taskA.Count(), "run")             // and, as text:
	_ = otelusage.FormatDuration(taskA.Total())   // tracker['task_A'].formatted_total_time
	_ = otelusage.FormatDuration(taskA.Average()) // tracker['task_A'].formatted_average_time

	sequence, _ := tracker.Sequence("my_sequence", []string{"A", "B", "C", "D"}) // tracker.track_sequence('my_sequence', ['A', 'B', 'C', 'D'])
	sequence.Hit("A")                                                            // tracker['my_sequence'] = 'A'
	sequence.Hit("B")                                                            // tracker['my_sequence'] = 'B'
	sequence.Hit("C")                                                            // tracker['my_sequence'] = 'C'
	fmt.Println(sequence.Hit("D"), sequence)                                     // tracker['my_sequence'] = 'D'
	sequence.Hit("B")                                                            // tracker['my_sequence'] = 'B'
	sequence.Hit("C")                                                            // tracker['my_sequence'] = 'C'
	fmt.Println(sequence.Reached())
	sequence.Clear()                // tracker['my_sequence'].clear_checkpoints()
	sequence.AdvanceTo("C")         // tracker['my_sequence'].advance_to_checkpoint('C')
	fmt.Println(sequence.UpTo("C")) // tracker['my_sequence'].get_checkpoints('C')
	sequence.RemoveLast()           // tracker['my_sequence'].remove_checkpoint()
	fmt.Println(sequence.Reached())
	sequence.Hit("C")                        // tracker['my_sequence'] = 'C'
	fmt.Println(sequence.Hit("D"), sequence) // tracker['my_sequence'] = 'D'

	playTime, _ := tracker.Timer("play_time")
	server, _ := tracker.State("server", otelusage.NoState)
	quests, _ := tracker.Statistic("quests_complete")
	monsters, _ := tracker.Statistic("monsters_killed")
	playTime.Start()                               // tracker['play_time'].start_timer()
	server.Set("Avalon")                           // tracker['server'] = server_name
	quests.Add(int64(len([]string{"rat", "owl"}))) // tracker['quests_complete'] += len(quests)
	monsters.Inc()                                 // tracker['monsters_killed'] += 1
	playTime.Stop()                                // tracker['play_time'].stop_timer()
	fmt.Println(server, quests, monsters, playTime.Count())
	// Output:
	// run_number: 1
	// run_number: 0
	// run_number: 1
	// Unit_System: Metric
	// Unit_System: US Standard
	// 1 run
	// true my_sequence: 1 completion
	// [B C]
	// [A B C] <nil>
	// [A B]
	// true my_sequence: 2 completions
	// server: Avalon quests_complete: 2 monsters_killed: 1 1
}

func ExampleStatistic_With() {
	tracker := new(otelusage.Tracker)
	searches, _ := tracker.Statistic("searches", otelusage.Monotonic())
	fromWeb := searches.With(attribute.String("via", "web")) // bind once
	for range 3 {
		fromWeb.Inc()
	}
	searches.Inc()
	fmt.Println(fromWeb)
	fmt.Println(searches)
	fmt.Println("sum:", searches.Sum())
	// Output:
	// searches{via=web}: 3
	// searches: 1
	// sum: 4
}

func ExampleTimer_Begin() {
	tracker := new(otelusage.Tracker)
	render, _ := tracker.Timer("render")
	func() {
		defer render.Begin().Stop()
	}()
	fmt.Println(render.Count())
	// Output: 1
}

func ExampleTracker_Attach() {
	tracker := new(otelusage.Tracker)
	_, err := tracker.Statistic("1st try")
	fmt.Println(err)
	fmt.Println(tracker.Attach(otelusage.WithMeterProvider(noop.NewMeterProvider())))
	// Output:
	// declare "1st try": invalid name: it must begin with a letter; "n_1st_try" would be valid
	// declare "1st try": invalid name: it must begin with a letter; "n_1st_try" would be valid
}

func ExampleFormatDuration() {
	fmt.Println(otelusage.FormatDuration(51*time.Hour + 5*time.Second))
	fmt.Println(otelusage.FormatDuration(1500 * time.Millisecond))
	// Output:
	// 2 days 3 hours 5 seconds
	// 1.5 seconds
}

// Only what is declared is recorded. What it was is not told.
func ExampleDeclaredOnly() {
	tracker, err := otelusage.New(otelusage.DeclaredOnly(), otelusage.WithErrorHandler(func(err error) {
		said, _, _ := strings.Cut(err.Error(), ", at ") // and the place in the code
		fmt.Println(said)
	}))
	if err != nil {
		fmt.Println(err)
	}
	saves, _ := tracker.Statistic("saves", otelusage.WithValues("format", "md", "odt"))
	theme, _ := tracker.State("theme", "paper", otelusage.WithStates("paper", "night"))
	saves.With(attribute.String("format", "md")).Inc()
	saves.With(attribute.String("format", "/home/ada/thesis.tex")).Add(2)
	theme.Set("Ada's own")
	fmt.Println(saves.With(attribute.String("format", otelusage.OtherValue)), "of", saves.Sum())
	fmt.Println(theme)
	// Output:
	// statistic "saves": undeclared value: a value of attribute "format" was recorded as "other"
	// state "theme": undeclared value: a state was recorded as "other"
	// saves{format=other}: 2 of 3
	// theme: other
}
