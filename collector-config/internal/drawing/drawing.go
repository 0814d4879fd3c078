// Package drawing draws a Grafana dashboard from the results of its queries, as one
// SVG. It knows the kinds of panels that collector-config's dashboard has, and shows
// what they show; how Grafana draws it is another matter.
package drawing

import (
	"fmt"
	"html"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/prometheus"
)

const (
	column = 50 // pixels of one of 24 columns
	row    = 34
	gap    = 6
	line   = 16 // height of a line of text
	letter = 6  // width of a letter, about
)

// colors are those of the series of a panel, in turn.
var colors = []string{"#3871dc", "#e0752d", "#56a64b", "#a352cc", "#e02f44", "#8f8f8f", "#00a3a3", "#b8860b"}

// Picture is a drawing that grows by panels.
type Picture struct {
	body   strings.Builder
	height int
}

// area is the inside of a panel.
type area struct{ x, y, w, h int }

// Add draws a panel with the results of each of its targets.
func (d *Picture) Add(p prometheus.Panel, results [][]prometheus.Series) error {
	g := p.Grid
	d.height = max(d.height, (g.Y+g.H)*row)
	x, y, w, h := g.X*column+gap/2, g.Y*row+gap/2, g.W*column-gap, g.H*row-gap
	fmt.Fprintf(&d.body, `<svg x="%d" y="%d" width="%d" height="%d"><rect width="%d" height="%d" rx="3" fill="#fff" stroke="#ccc"/>`, x, y, w, h, w, h)
	d.text(gap, line, w/letter, "#000", `font-weight="bold"`, p.Title)
	inside := area{gap, line + 2*gap, w - 2*gap, h - line - 3*gap}
	var err error
	switch p.Type {
	case "timeseries":
		d.lines(inside, p, results)
	case "barchart":
		d.bars(inside, p, results)
	case "bargauge":
		d.gauges(inside, p, results)
	case "table":
		d.table(inside, p, results)
	default:
		err = fmt.Errorf("draw %q: a %s is none that can be drawn", p.Title, p.Type)
	}
	d.body.WriteString("</svg>\n")
	return err
}

// SVG returns all that was added.
func (d *Picture) SVG() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">`+"\n"+
		`<rect width="100%%" height="100%%" fill="#f4f5f5"/>`+"\n%s</svg>\n", 24*column, d.height, &d.body)
}

// text draws at most a number of letters; what is longer ends with three dots.
func (d *Picture) text(x, y, letters int, color, attributes, s string) {
	if r := []rune(s); len(r) > letters && letters > 3 {
		s = string(r[:letters-3]) + "..."
	}
	fmt.Fprintf(&d.body, `<text x="%d" y="%d" fill="%s" %s>%s</text>`, x, y, color, attributes, html.EscapeString(s))
}

// nothing says so where there is nothing to draw.
func (d *Picture) nothing(a area) {
	d.text(a.x+a.w/2, a.y+a.h/2, a.w/letter, "#888", `text-anchor="middle"`, "No data")
}
