package show

import (
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore/inspect/internal/terminal"
	"github.com/anonymoususage/anonymoususage-go/otelusage/plan"
)

// Document prints what an application can record.
func Document(p *terminal.Printer, d plan.Document) {
	p.Title("%s", terminal.Plain(d.Title))
	for i, section := range d.Sections {
		if i > 0 {
			p.Line("")
			p.Title("%s", terminal.Plain(section.Title))
		}
		for _, paragraph := range section.Text {
			p.Line("%s", terminal.Plain(paragraph))
		}
		if section.Header == nil {
			continue
		}
		rows := make([][]string, len(section.Rows))
		for i, row := range section.Rows {
			for _, cell := range row {
				rows[i] = append(rows[i], terminal.Plain(cell))
			}
		}
		p.Table(strings.Split(strings.ToUpper(strings.Join(section.Header, "\n")), "\n"), rows)
	}
}
