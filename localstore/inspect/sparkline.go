package inspect

var bars = []rune("▁▂▃▄▅▆▇█")

// sparkline draws one column per number: a dot for zero, otherwise a bar. The
// greatest number has the full height.
func sparkline(list []float64) string {
	top := 0.0
	for _, f := range list {
		top = max(top, f, -f)
	}
	line := make([]rune, len(list))
	for i, f := range list {
		f = max(f, -f)
		if f == 0 || top == 0 {
			line[i] = '·'
			continue
		}
		line[i] = bars[min(int(f/top*float64(len(bars))), len(bars)-1)]
	}
	return string(line)
}
