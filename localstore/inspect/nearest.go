package inspect

import "strings"

// nearest returns the most similar name, or "" if none is similar: at most a third
// of the letters may be wrong, or the last ones missing.
func nearest(name string, names []string) string {
	const longest = 100 // nobody types a longer one
	given := []rune(strings.ToLower(name))
	if len(given) > longest {
		return ""
	}
	best, found := 1+max(1, len(given)/3), ""
	for _, n := range names {
		other := []rune(strings.ToLower(n))
		if len(other) > longest {
			continue
		}
		if d := edits(given, other); d < best && d < max(len(given), len(other)) {
			best, found = d, n
		}
	}
	if found == "" {
		found = begunWith(given, names)
	}
	return found
}

// begunWith returns the first name that starts with the given one, if that has
// three letters or more.
func begunWith(given []rune, names []string) string {
	for _, n := range names {
		if len(given) >= 3 && strings.HasPrefix(strings.ToLower(n), string(given)) {
			return n
		}
	}
	return ""
}

// edits returns how many letters must be inserted, deleted, changed, or swapped
// with the next one to turn a into b.
func edits(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range b {
			changed := last[j]
			if a[i] != b[j] {
				changed++
			}
			row[j+1] = min(changed, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
