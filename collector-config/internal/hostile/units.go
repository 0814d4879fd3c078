package hostile

import (
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// unitWords are units, and what the prometheus exporter adds to a name for them.
var unitWords = [][2]string{
	{"", ""}, {"1", ""}, {"{file}", ""}, {"s", "_seconds"}, {"m", "_meters"}, {"By", "_bytes"}, {"d", "_days"}, {"h", "_hours"}, {"min", "_minutes"},
	{"ms", "_milliseconds"}, {"us", "_microseconds"}, {"ns", "_nanoseconds"}, {"KiBy", "_kibibytes"}, {"MiBy", "_mebibytes"}, {"GiBy", "_gibibytes"},
	{"TiBy", "_tibibytes"}, {"KBy", "_kilobytes"}, {"MBy", "_megabytes"}, {"GBy", "_gigabytes"}, {"TBy", "_terabytes"}, {"V", "_volts"}, {"A", "_amperes"},
	{"J", "_joules"}, {"W", "_watts"}, {"g", "_grams"}, {"Cel", "_celsius"}, {"Hz", "_hertz"}, {"%", "_percent"}, {"km", "_km"}, {"light years", "_light_years"},
	{"{file}/s", "_per_second"}, {"1/m", "_per_minute"}, {"By/h", "_bytes_per_hour"}, {"m/d", "_meters_per_day"}, {"g/w", "_grams_per_week"},
	{"km/mo", "_km_per_month"}, {"W/y", "_watts_per_year"}, {"By/{file}", "_bytes"}, {"1/lap", "_per_lap"}, {"#x#", "_x"},
}

// units is no attack: what transform/names does must be what the exporter does.
func units() Attack {
	a := Attack{Name: "every unit, which is no attack", Rules: []string{"replace_pattern(metric.unit,", "Concat([metric.name, metric.unit]", `[^A-Za-z0-9]+", "_")`}}
	var metrics []*metric
	for i, u := range unitWords {
		metrics = append(metrics, sum(fmt.Sprintf("unit.%d", i), u[0], true, whole(1)), sum(fmt.Sprintf("level%d", i), u[0], false, whole(1)))
		a.Shows = append(a.Shows, fmt.Sprintf("unit_%d%s_total", i, u[1]))
		if u[1] == "_seconds" {
			a.Shows = append(a.Shows, fmt.Sprintf("level%d%s_net", i, u[1]))
		} else {
			a.Shows = append(a.Shows, fmt.Sprintf("level%d%s", i, u[1]))
		}
	}
	metrics = append(metrics, sum("way_in_meters", "m", true, whole(1)))
	a.Shows = append(a.Shows, "way_in_meters_total")
	a.Bodies = send(like(of(otelusage.KindStatistic, metrics...)))
	return a
}
