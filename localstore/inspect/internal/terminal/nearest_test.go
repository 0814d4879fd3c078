package terminal

import (
	"strings"
	"testing"
)

func TestOnlyWhatIsNearIsSuggested(t *testing.T) {
	names := []string{"show", "history", "preview", "submissions", "doctor", "export", "consent", "erase", "id", "view", "Quests"}
	for given, want := range map[string]string{
		"shwo": "show", "SHOW": "show", "histroy": "history", "submision": "submissions", "docter": "doctor", "quest": "Quests",
		"hist": "history", "ia": "id",
		"zzz": "", "x": "", "": "", "install": "", "upload": "", "se": "", "status": "", "delete": "", "help": "", "ws": "",
		"\u00fc\u00fc": "", strings.Repeat("show", 1000): "",
	} {
		if got := Nearest(given, names); got != want {
			t.Errorf("for %.20q it suggests %q, want %q", given, got, want)
		}
	}
}
