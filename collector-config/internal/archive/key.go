package archive

import (
	"cmp"
	"slices"
)

// key identifies a point: by its ids, its series, and the times of its interval
// as they were sent. A resend has the same. It is a hash, FNV-1a.
type key uint64

func newKey() key { return 14695981039346656037 }

func (k key) text(s string) key {
	for i := range len(s) {
		k = (k ^ key(s[i])) * 1099511628211
	}
	return (k ^ 0xff) * 1099511628211 // 0xff is in no text: it is not UTF-8
}

// attributes adds attributes in the order of their keys.
func (k key) attributes(a attributes) key {
	if !slices.IsSortedFunc(a, compareKeys) {
		a = slices.Clone(a)
		slices.SortFunc(a, compareKeys)
	}
	for _, one := range a {
		k = k.text(one.Key)
		for _, b := range one.Value {
			k = (k ^ key(b)) * 1099511628211
		}
		k = (k ^ 0xff) * 1099511628211
	}
	return k
}

func compareKeys(a, b attribute) int { return cmp.Compare(a.Key, b.Key) }
