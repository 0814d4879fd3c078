package drawing

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/prometheus"
)

// table draws a row for each set of labels, with a column for each label and for the
// value of each target. Columns are renamed and hidden as the panel says.
func (d *Picture) table(a area, p prometheus.Panel, results [][]prometheus.Series) {
	names, rows := cells(p, results)
	if len(rows) == 0 {
		d.nothing(a)
		return
	}
	width := a.w / len(names)
	put := func(y int, attributes string, texts []string) {
		for i, text := range texts {
			d.text(a.x+i*width, y, width/letter-1, "#000", attributes, text)
		}
	}
	put(a.y+line-3, `fill-opacity="0.6"`, names)
	room := a.h/line - 1
	for i, texts := range rows {
		if i == room-1 && len(rows) > room {
			d.text(a.x, a.y+(i+2)*line-3, a.w/letter, "#888", "", fmt.Sprintf("and %d more rows", len(rows)-i))
			return
		}
		put(a.y+(i+2)*line-3, "", texts)
	}
}

// cells returns the columns and rows of a table.
func cells(p prometheus.Panel, results [][]prometheus.Series) (names []string, rows [][]string) {
	labels := make(map[string]bool)
	values := make(map[string]map[string]string) // of each row, by column
	for i, series := range results {
		value := "Value"
		if len(results) > 1 {
			value += " #" + p.Targets[i].RefID
		}
		for _, s := range series {
			var key []string
			for _, label := range slices.Sorted(maps.Keys(s.Labels)) {
				labels[label] = true
				key = append(key, label+"="+s.Labels[label])
			}
			id := strings.Join(key, "\x00")
			if values[id] == nil {
				values[id] = maps.Clone(s.Labels)
				if values[id] == nil {
					values[id] = make(map[string]string)
				}
			}
			if len(s.Points) > 0 {
				values[id][value] = Number(s.Points[len(s.Points)-1].Value, p.Unit)
			}
		}
	}
	columns := slices.Sorted(maps.Keys(labels))
	for i := range results {
		if len(results) > 1 {
			columns = append(columns, "Value #"+p.Targets[i].RefID)
		} else {
			columns = append(columns, "Value")
		}
	}
	columns = slices.DeleteFunc(columns, func(name string) bool { return p.Hidden[name] })
	for _, name := range columns {
		if renamed := p.Renamed[name]; renamed != "" {
			name = renamed
		}
		names = append(names, name)
	}
	for _, id := range slices.Sorted(maps.Keys(values)) {
		var texts []string
		for _, name := range columns {
			texts = append(texts, values[id][name])
		}
		rows = append(rows, texts)
	}
	return names, rows
}
