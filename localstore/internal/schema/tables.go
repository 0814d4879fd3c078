package schema

// The kinds of forwarders, as the table of them has it.
const (
	Delta      = "delta"
	Cumulative = "cumulative"
)

// Erased are the tables that are emptied.
var Erased = []string{
	"totals", "days", "history", "current_states", "gauges", "occupancy", OccupancyBefore, "active", "writers", "parts", "batches",
	"forwarders", "submission_log", "series", "metrics", FormerNames, "trackables", "resources",
}

// Tables are all tables, the mirror's own row first.
var Tables = append([]string{"mirror", Tombstones, Identity}, Erased...)
