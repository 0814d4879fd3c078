package consent

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestModesHaveNamesInJSON(t *testing.T) {
	for mode, name := range [...]string{"unset", "off", "local", "on"} {
		text, err := json.Marshal(struct{ Mode Mode }{Mode(mode)})
		if err != nil || string(text) != fmt.Sprintf(`{"Mode":%q}`, name) {
			t.Errorf("%s, %v", text, err)
		}
		var back struct{ Mode Mode }
		if err := json.Unmarshal(text, &back); err != nil || back.Mode != Mode(mode) {
			t.Errorf("%s reads as %v, %v", text, back.Mode, err)
		}
	}
	if _, err := json.Marshal(Mode(9)); err == nil {
		t.Error("what is no mode has a name")
	}
	var m Mode
	if err := json.Unmarshal([]byte(`"maybe"`), &m); err == nil {
		t.Errorf("maybe is %v", m)
	}
}
