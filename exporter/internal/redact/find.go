package redact

import "unicode"

// maxLayers is how often a text may have been escaped: a URL in JSON in a web
// page is escaped three times.
const maxLayers = 4

// mark reports which bytes of text belong to a secret, in any mixture of
// escapes and of either case.
func (r Redactor) mark(text string) []bool {
	marked := make([]bool, len(text))
	layer := units(text)
	for range maxLayers {
		for _, s := range r.secrets() {
			find(layer, s.plain, marked)
			find(layer, s.decoded, marked)
		}
		var changed bool
		if layer, changed = unescape(layer); !changed {
			break
		}
	}
	return marked
}

// find marks every place of secret in text.
func find(text []unit, secret []rune, marked []bool) {
	for i := range text {
		n := match(text[i:], secret)
		if n == 0 {
			continue
		}
		for at := text[i].start; at < text[i+n-1].end; at++ {
			marked[at] = true
		}
	}
}

// match returns how many units at the beginning of text are the secret, 0 for
// none. A blank of the secret may be any number of them, and a + as in a query.
func match(text []unit, secret []rune) int {
	n := 0
	for _, c := range secret {
		begin := n
		for c == ' ' && n < len(text) && (unicode.IsSpace(text[n].char) || text[n].char == '+') {
			n++
		}
		if n > begin {
			continue
		}
		if n == len(text) || fold(text[n].char) != c {
			return 0
		}
		n++
	}
	return n
}

// fold makes characters equal that differ in case alone.
func fold(c rune) rune { return unicode.ToLower(unicode.ToUpper(c)) }

// secret is a secret as it is given, and without the escapes that it holds
// itself: those of a text are taken away wherever they stand.
type secret struct{ plain, decoded []rune }

func newSecret(s string) secret {
	plain := units(s)
	decoded := plain
	for range maxLayers {
		var changed bool
		if decoded, changed = unescape(decoded); !changed {
			break
		}
	}
	return secret{plain: folded(plain), decoded: folded(decoded)}
}

func folded(in []unit) []rune {
	out := make([]rune, len(in))
	for i, u := range in {
		out[i] = fold(u.char)
	}
	return out
}
