package localstore

import "testing"

func TestExamineFindsAnAlienSchema(t *testing.T) {
	for spoil, sound := range map[string]bool{
		`CREATE VIEW of_a_person AS SELECT 1`:                                                                        true,
		`CREATE TRIGGER t AFTER UPDATE ON totals BEGIN DELETE FROM history; END`:                                     false,
		`DROP VIEW submissions; CREATE VIEW submissions AS SELECT 1 AS id`:                                           false,
		`ALTER TABLE writers RENAME TO former; CREATE VIEW writers AS SELECT 'x' AS id, 1 AS seq, 2 AS committed_at`: false,
	} {
		s, _ := fresh(t)
		record(t, newWriter(t, s), add(statistic(version("1"), "n"), 1))
		if h, err := s.Examine(t.Context(), nil); err != nil || !h.Sound() {
			t.Fatalf("a fresh mirror: %+v, %v", h, err)
		}
		execute(t, s, spoil)
		h, err := s.Examine(t.Context(), nil)
		if err != nil || h.Sound() != sound {
			t.Errorf("%s: %v, %v", spoil, h.Damage, err)
		}
	}
}
