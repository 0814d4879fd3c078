package e2e

import (
	"os/exec"
	"strings"
	"testing"
)

// The example is one command, and what goes in comes out.
func TestExampleShowsACountGoingInAndComingOut(t *testing.T) {
	collector(t)
	cmd := exec.CommandContext(t.Context(), "go", "run", "./collector-config/example")
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	said := strings.Join(strings.Fields(string(out)), " ")
	for _, want := range []string{
		"quests_complete 2 ", "quests_complete 4 ",
		"server_occupancy{state=Avalon 1.0.0} 1", "server_occupancy{state=Avalon 1.0.0} 0 server_occupancy{state=Avalon 1.1.0} 1",
		"play_time_seconds_count 2", "play_time_seconds_sum 5400", "round_trip_total 2", "round_trip_checkpoints_total{checkpoint=town} 4",
	} {
		if !strings.Contains(said+" ", want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// Where there is no manifest it says where to run it.
func TestExampleSaysWhereToRunIt(t *testing.T) {
	collector(t)
	cmd := exec.CommandContext(t.Context(), "go", "run", "./collector-config/example", "-config", t.TempDir())
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "from the top of the repository") {
		t.Errorf("%v\n%s", err, out)
	}
}
