package hostile

import "github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"

// Undeclared returns attacks that only a plan keeps out: each could be of another
// application, which has declared it.
func Undeclared() []Attack {
	point := func(m *metric) func() ([]Body, error) { return send(like(statistics(m))) }
	flood, _ := Named("60,000 streams") // there is one
	flood.Secret, flood.Hidden = "flood", "flood"
	return []Attack{
		{Name: "a metric that is not declared", Secret: "un.declared", Bodies: point(counter("un.declared", whole(1)))},
		{Name: "a key that is not declared", Secret: "un.key", Bodies: point(counter("searches", whole(0, text("un.key", "x"))))},
		{Name: "a value that is not declared", Secret: "un.value", Bodies: point(counter("searches", whole(1, text("via", "un.value"))))},
		{Name: "a unit that is not declared", Hidden: "searches_knots", Bodies: point(sum("searches", "knots", true, whole(1, text("via", "web"))))},
		{Name: "a state that is not declared", Secret: "un.state", Bodies: send(like(states(occupancy(whole(1, text("state", "un.state"))))))},
		{Name: "a checkpoint that is not declared", Secret: "un.checkpoint", Bodies: send(like(kindOf("sequence", counter("export.checkpoints", whole(1, text("checkpoint", "un.checkpoint"))))))},
		{Name: "a version that is not released", Hidden: "6.6.6", Bodies: send(with([]*attribute{text("service.name", "editor"), text("service.version", "6.6.6")}, statistics(counter("searches", whole(1, text("via", "web"))))))},
		{Name: "an application that is not planned", Secret: "viewer2", Bodies: send(with([]*attribute{text("service.name", "viewer")}, statistics(counter("viewer2", whole(1)))))},
		{Name: "a group that is not planned", Hidden: "un.group", Bodies: send(with(append(editor(), text("service.namespace", "un.group"), text("os.type", "un.group")), statistics(counter("searches", whole(1, text("via", "menu")))))),
			Counts: fleet.Totals{editor1("searches", "via=menu"): {Sum: 1}}},
		flood,
	}
}
