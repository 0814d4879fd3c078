//go:build unix

package place

import "testing"

// TestWhoIsTrusted says it for users that a test cannot be.
func TestWhoIsTrusted(t *testing.T) {
	for _, tt := range []struct {
		me, owner, home int
		want            bool
	}{
		{me: 1000, owner: 1000, home: 0, want: true},
		{me: 1000, owner: 0, home: 1000, want: true},
		{me: 1000, owner: 1001, home: 1000},
		{me: 1000, owner: 1001, home: 1001},
		{me: 0, owner: 0, home: 1000, want: true},
		{me: 0, owner: 1000, home: 1000, want: true},
		{me: 0, owner: 1001, home: 1000},
		{me: 0, owner: 1000, home: 0},
	} {
		if got := trusts(tt.me, tt.owner, tt.home); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}
