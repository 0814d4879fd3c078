package drawing

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/prometheus"
)

// entry is a series with its name in the legend.
type entry struct {
	name string
	prometheus.Series
}

var inLegend = regexp.MustCompile(`{{\s*(\w+)\s*}}`)

// entries returns all series of a panel.
func entries(p prometheus.Panel, results [][]prometheus.Series) (list []entry) {
	for i, series := range results {
		for _, s := range series {
			name := inLegend.ReplaceAllStringFunc(p.Targets[i].Legend, func(label string) string {
				return s.Labels[inLegend.FindStringSubmatch(label)[1]]
			})
			if len(s.Points) > 0 {
				list = append(list, entry{name, s})
			}
		}
	}
	return list
}

func (e entry) last() float64 { return e.Points[len(e.Points)-1].Value }

// Number returns a value as people read it, in a unit of Grafana's.
func Number(f float64, unit string) string {
	switch unit {
	case "s":
		return time.Duration(f * float64(time.Second)).Round(time.Second).String()
	case "percentunit":
		return strconv.FormatFloat(100*f, 'f', 1, 64) + " %"
	}
	for _, scale := range []struct {
		from, by float64
		word     string
	}{{1e9, 1e9, " Bil"}, {1e6, 1e6, " Mil"}, {1e4, 1e3, " K"}} {
		if math.Abs(f) >= scale.from {
			return strconv.FormatFloat(f/scale.by, 'g', 4, 64) + scale.word
		}
	}
	return strconv.FormatFloat(f, 'g', 4, 64)
}

// lines draws values over time.
func (d *Picture) lines(a area, p prometheus.Panel, results [][]prometheus.Series) {
	list := entries(p, results)
	if len(list) == 0 {
		d.nothing(a)
		return
	}
	least, most := 0.0, math.Inf(-1)
	from, to := list[0].Points[0].At, list[0].Points[0].At
	for _, e := range list {
		for _, point := range e.Points {
			least, most = min(least, point.Value), max(most, point.Value)
			if point.At.Before(from) {
				from = point.At
			}
			if point.At.After(to) {
				to = point.At
			}
		}
	}
	if most <= least {
		most = least + 1
	}
	legends := (len(list) + 3) / 4
	plot := area{a.x + 9*letter, a.y, a.w - 9*letter, a.h - (legends+1)*line}
	at := func(point prometheus.Point) (x, y float64) {
		span := max(to.Sub(from).Seconds(), 1)
		return float64(plot.x) + point.At.Sub(from).Seconds()/span*float64(plot.w),
			float64(plot.y) + (most-point.Value)/(most-least)*float64(plot.h)
	}
	for i := range 5 {
		value := least + (most-least)*float64(i)/4
		_, y := at(prometheus.Point{At: from, Value: value})
		fmt.Fprintf(&d.body, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>`, plot.x, plot.x+plot.w, y, y)
		d.text(plot.x-3, int(y)+4, 9, "#555", `text-anchor="end"`, Number(value, p.Unit))
	}
	d.text(plot.x, plot.y+plot.h+line-3, 20, "#555", "", from.UTC().Format("15:04:05"))
	d.text(plot.x+plot.w, plot.y+plot.h+line-3, 20, "#555", `text-anchor="end"`, to.UTC().Format("15:04:05"))
	for i, e := range list {
		color := colors[i%len(colors)]
		var path []string
		for _, point := range e.Points {
			x, y := at(point)
			path = append(path, fmt.Sprintf("%.1f,%.1f", x, y))
		}
		fmt.Fprintf(&d.body, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`, strings.Join(path, " "), color)
		x, y := a.x+i%4*a.w/4, plot.y+plot.h+line*(i/4+2)-3
		fmt.Fprintf(&d.body, `<rect x="%d" y="%d" width="10" height="3" fill="%s"/>`, x, y-5, color)
		d.text(x+14, y, a.w/4/letter-3, "#000", "", e.name)
	}
}

// bars draws one for each value of a label, in its order.
func (d *Picture) bars(a area, p prometheus.Panel, results [][]prometheus.Series) {
	list := entries(p, results)
	if len(list) == 0 {
		d.nothing(a)
		return
	}
	slices.SortFunc(list, func(x, y entry) int { return strings.Compare(x.Labels[p.XField], y.Labels[p.XField]) })
	most := 0.0
	for _, e := range list {
		most = max(most, e.last())
	}
	plot := area{a.x, a.y + line, a.w, a.h - 2*line}
	width := float64(plot.w) / float64(len(list))
	every := max(1, int(math.Ceil(11*letter/width))) // as many labels as there is room for
	for i, e := range list {
		height := 0.0
		if most > 0 {
			height = max(0, e.last()) / most * float64(plot.h)
		}
		x := float64(plot.x) + float64(i)*width
		fmt.Fprintf(&d.body, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`,
			x, float64(plot.y+plot.h)-height, width*0.9, height, colors[0])
		if i%every == 0 {
			d.text(int(x), plot.y+plot.h+line-3, 11, "#555", "", e.Labels[p.XField])
			d.text(int(x), plot.y+plot.h-int(height)-3, 11, "#000", "", Number(e.last(), p.Unit))
		}
	}
}

// gauges draws a bar for each series, from left to right.
func (d *Picture) gauges(a area, p prometheus.Panel, results [][]prometheus.Series) {
	list := entries(p, results)
	if len(list) == 0 {
		d.nothing(a)
		return
	}
	most := 0.0
	for _, e := range list {
		most = max(most, e.last())
	}
	if p.Max != nil {
		most = *p.Max
	}
	height := min(a.h/len(list), 2*line)
	for i, e := range list {
		y, width := a.y+i*height, 0
		if most > 0 {
			width = int(e.last() / most * float64(a.w/2))
		}
		d.text(a.x, y+line-3, a.w/3/letter, "#000", "", e.name)
		fmt.Fprintf(&d.body, `<rect x="%d" y="%d" width="%d" height="%d" fill="#eee"/>`, a.x+a.w/3, y, a.w/2, height-4)
		fmt.Fprintf(&d.body, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`, a.x+a.w/3, y, width, height-4, colors[2])
		d.text(a.x+a.w, y+line-3, 12, "#000", `text-anchor="end"`, Number(e.last(), p.Unit))
	}
}
