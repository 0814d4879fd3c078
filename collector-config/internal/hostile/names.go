package hostile

import (
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
)

// editor1 is a series of the application that the attacks are like.
func editor1(metric, attributes string) fleet.Series {
	return fleet.Series{Application: "editor", Version: "1.0.0", Metric: metric, Attributes: attributes}
}

// names are attacks with metrics and labels that take the place of others.
func names() []Attack {
	web := text("via", "web")
	counts := func(s fleet.Series, sum float64) fleet.Totals { return fleet.Totals{s: {Sum: sum}} }
	return []Attack{
		{Name: "attribute `le` on a Timer", Rules: []string{`"^(le|quantile`}, Bodies: send(like(timers(timer("session", once(text("le", "1"))))))},
		{Name: "attribute `quantile`", Bodies: send(like(statistics(counter("searches", whole(1, text("quantile", "0.5"))))))},
		{Name: "attributes `job` and `instance`", Bodies: send(like(statistics(counter("searches", whole(1, text("job", "x"), text("instance", "y"))))))},
		{Name: "attribute `__name__`", Bodies: send(like(statistics(counter("searches", whole(1, text("__name__", "up"))))))},
		{Name: "attribute `service.name` on a point", Rules: []string{`"^(le|quantile`},
			Bodies: send(with([]*attribute{text("service.name", "other"), text("service.version", "1.0.0")},
				statistics(counter("searches", whole(1, web, text("service.name", "editor"), text("service_version", "1.0.0"))))))},
		{Name: "attribute `otelusage_kind` on a point", Rules: []string{`otelusage([^A-Za-z0-9]|$$)`},
			Bodies: send(like(statistics(counter("searches", whole(1, web, text("otelusage_kind", "state"), text("otelusage.kind", "state")))))), Counts: counts(editor1("searches", "via=web"), 1)},
		{Name: "labels that Prometheus calls the same", Rules: []string{`"key", "[^A-Za-z0-9]+", "_"`},
			Bodies: send(like(statistics(counter("saves", whole(1, text("sort_by", "date"), web))))), Saves: 1},
		{Name: "a label that begins with a digit, and its other spelling", Rules: []string{`"^([0-9])", "key_`},
			Shows:  []string{"digits_total 2"},
			Bodies: send(like(statistics(counter("digits", whole(1, text("1", "a")), whole(1, text("key_1", "a"))))))},
		{Name: "a label of underscores", Rules: []string{`delete_key(datapoint.attributes, "")`}, Shows: []string{"under_total 1"}, Bodies: send(like(statistics(counter("under", whole(1, text("__", "a"))))))},
		{Name: "a label that begins with an underscore, and its other spelling", Rules: []string{`"key", "^_", ""`}, Shows: []string{"below_total 2"},
			Bodies: send(like(statistics(counter("below", whole(1, text("__a", "a")), whole(1, text("a", "a"))))))},
		{Name: "a counter and a gauge of one name", Rules: []string{`"(_total)*$$"`}, Shows: []string{"level_total 5", "level 3"},
			Bodies: send(like(statistics(counter("level", whole(5)), updown("level", whole(3)))))},
		{Name: "a text with * that looks like several labels", Shows: []string{"stars_total 5", "stars_total 3"}, Rules: []string{`resource.attributes, "value", "[*]"`},
			Bodies: send(like(statistics(counter("stars", whole(5, web)))),
				with([]*attribute{text("os.type", "linux"), text("service.name", "editor"), text("service.version", "1.0.0*via*web")}, statistics(counter("stars", whole(3)))))},
		{Name: "a value with * that looks like several labels", Rules: []string{`datapoint.attributes, "value", "[*]"`},
			Bodies: send(like(statistics(counter("saves", whole(1, text("sort.by", "date*via*web"))))))},
		{Name: "another monotonicity", Bodies: send(like(statistics(updown("searches", whole(1, web))))), Archived: counts(editor1("searches", "via=web"), 1)},
		{Name: "another unit", Rules: []string{`set(metric.unit, "")`}, Bodies: send(like(statistics(sum("searches", "{search}", true, whole(1, web))))),
			Counts: counts(editor1("searches", "via=web"), 1)},
		{Name: "units that are no words", Rules: []string{`(metric.unit, "[^A-Za-z0-9]+"`, `"^_|_$$"`}, Bodies: send(like(statistics(
			sum("searches", "#", true, whole(1, web)), sum("searches", "_", true, whole(1, web)), sum("searches", "_#", true, whole(1, web)),
			sum("searches", "##", true, whole(1, web)), sum("searches", "~", true, whole(1, web)), sum("searches", "(", true, whole(1, web))))),
			Counts: counts(editor1("searches", "via=web"), 6)},
		{Name: "a unit in the name", Rules: []string{`"^ *m *(/|$$)"`, `Concat([metric.name, metric.unit]`, `set(metric.unit, "")`}, Bodies: send(like(statistics(counter("distance_meters", whole(1))), statistics(updown("distance_meters", decimal(1))))),
			Counts: counts(editor1("distance", ""), 1), Archived: fleet.Totals{}},
		{Name: "a name that Prometheus calls the same", Rules: []string{`replace_pattern(metric.name, "[^A-Za-z0-9]+", "_")`, `replace_pattern(metric.name, "_$$"`}, Bodies: send(like(statistics(counter("searches_", whole(1, web)), counter("searches.total", whole(1, web)), counter("total/searches", whole(1, web))))),
			Counts: counts(editor1("searches", "via=web"), 3), Archived: fleet.Totals{}},
		{Name: "a counter called total", Rules: []string{`"(^|_)(total_)+"`}, Bodies: send(like(statistics(counter("total.searches", whole(1, web))))), Counts: counts(editor1("searches", "via=web"), 1), Archived: fleet.Totals{}},
		{Name: "a gauge called like a counter", Rules: []string{`Concat([metric.name, "net"]`}, First: true, Bodies: send(like(statistics(updown("searches.total", whole(1, web)))))},
		{Name: "a gauge whose unit makes it a counter's name", Rules: []string{`Concat([metric.name, "net"]`}, First: true, Bodies: send(like(statistics(sum("searches", "total", false, whole(1, web))))), Archived: counts(editor1("searches", "via=web"), 1)},
		{Name: "a statistic `session_seconds_sum` beside a Timer `session`", Rules: []string{`Concat([metric.name, "net"]`}, First: true, Bodies: send(like(statistics(updown("session_seconds_sum", whole(1)))))},
		{Name: "a statistic in seconds called like a Timer", Rules: []string{`Concat([metric.name, "net"]`}, First: true, Bodies: send(like(statistics(sum("session", "s", false, whole(1)))))},
		{Name: "a Timer called like a counter", Rules: []string{`unit != "s" or`}, First: true, Bodies: send(like(timers(&metric{Name: "searches.total", Data: timer("", once(web)).Data},
			timer("seconds.searches.total", once(web)))))},
		{Name: "a Timer without a unit", Rules: []string{`unit != "s" or`}, First: true, Bodies: send(like(timers(&metric{Name: "items", Data: timer("", once()).Data})))},
		{Name: "a Timer of another kind", Rules: []string{`type == METRIC_DATA_TYPE_HISTOGRAM and instrumentation_scope.attributes["otelusage.kind"] != "timer"`},
			Bodies: send(like(statistics(timer("session", once()))))},
		{Name: "a sum as a Timer", Rules: []string{`type == METRIC_DATA_TYPE_SUM and instrumentation_scope.attributes["otelusage.kind"] == "timer"`},
			Bodies: send(like(timers(sum("searches", "", true, whole(1, web)))))},
		{Name: "a statistic called like an occupancy", Rules: []string{`(occupancy|changes)$$`}, Bodies: send(like(statistics(updown("units_occupancy", whole(1, text("state", "Metric"))),
			updown("units.occupancy", whole(1, text("state", "Metric"))))))},
		{Name: "a statistic called like checkpoints", Rules: []string{`[^A-Za-z0-9]checkpoints$$`}, Bodies: send(like(statistics(counter("export_checkpoints", whole(1, text("checkpoint", "open"))))))},
		{Name: "a heartbeat by another name", Rules: []string{`"^otelusage[^A-Za-z0-9]"`}, Bodies: send(like(statistics(
			counter("otelusage_active", whole(1000, text("date", today()), text("period", "day"))))))},
		{Name: "no kind, and an unknown one", Rules: []string{`^(statistic|state|timer|sequence)$$`}, Bodies: send(like(kindless(counter("searches", whole(1, web))), kindOf("x", counter("searches", whole(1, web)))))},
		{Name: "another version of the scope", Bodies: send(like(versioned("9.9.9", counter("searches", whole(1, web))))), Rules: []string{`set(scope.version, "")`}, Hidden: "9.9.9",
			Counts: counts(editor1("searches", "via=web"), 1)},
		{Name: "a scope that Prometheus shows", Bodies: send(like(described(counter("searches", whole(1, web))))), Rules: []string{`keep_keys(scope.attributes, ["otelusage.kind"])`}, Secret: "scope secret",
			Counts: counts(editor1("searches", "via=web"), 1)},
	}
}
