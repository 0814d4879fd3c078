package plan

import (
	"strings"
)

// Markdown returns the document as Markdown, with a line break at its end. Texts of
// the plan are shown as they are, never as Markdown.
func (d Document) Markdown() string {
	var b strings.Builder
	b.WriteString("# " + escaped(d.Title) + "\n")
	for _, s := range d.Sections {
		if s.Title != "" {
			b.WriteString("\n## " + escaped(s.Title) + "\n")
		}
		for _, paragraph := range s.Text {
			b.WriteString("\n" + escaped(paragraph) + "\n")
		}
		if s.Header == nil {
			continue
		}
		b.WriteString("\n")
		writeRow(&b, s.Header)
		b.WriteString(strings.Repeat("| --- ", len(s.Header)) + "|\n")
		for _, row := range s.Rows {
			writeRow(&b, row)
		}
	}
	return b.String()
}

func writeRow(b *strings.Builder, cells []string) {
	for _, cell := range cells {
		b.WriteString(strings.TrimRight("| "+escaped(cell), " ") + " ")
	}
	b.WriteString("|\n")
}

// markdown are the characters that Markdown or HTML would take for its own. An
// underscore inside a word is none.
var markdown = strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", "&", "&amp;", "*", "\\*", "`", "\\`", "[", "\\[", "\r\n", " ", "\n", " ", "\r", " ")

func escaped(text string) string { return markdown.Replace(text) }
