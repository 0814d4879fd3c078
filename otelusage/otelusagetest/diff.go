package otelusagetest

import "strings"

// context is how many equal lines are shown around a difference.
const context = 2

// diff shows the lines that differ: those that only old has begin with a minus,
// those that only new has with a plus.
func diff(old, new string) string {
	a, b := strings.Split(old, "\n"), strings.Split(new, "\n")
	lines := edits(a, b)
	var out strings.Builder
	shown := -1 // the last line that was written
	for i, line := range lines {
		if line[0] == ' ' {
			continue
		}
		from := max(shown+1, i-context)
		if from > shown+1 {
			out.WriteString("  ...\n")
		}
		for from <= i {
			out.WriteString(lines[from] + "\n")
			from++
		}
		shown = i
		for shown+1 < len(lines) && shown-i < context && lines[shown+1][0] == ' ' {
			shown++
			out.WriteString(lines[shown] + "\n")
		}
	}
	if shown+1 < len(lines) {
		out.WriteString("  ...\n")
	}
	return out.String()
}

// edits returns all lines with what becomes of them, by a longest common
// subsequence. A document has hundreds of lines, not millions.
func edits(a, b []string) (lines []string) {
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			lines = append(lines, "  "+a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			lines = append(lines, "- "+a[i])
			i++
		default:
			lines = append(lines, "+ "+b[j])
			j++
		}
	}
	return lines
}
