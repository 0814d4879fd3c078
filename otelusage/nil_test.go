package otelusage

import (
	"reflect"
	"testing"
)

// Usage tracking that was never set up must not be in an application's way.
func TestMethodsOnNilAndZeroValuesDoNothing(t *testing.T) {
	for _, v := range []any{(*Tracker)(nil), (*Statistic)(nil), (*FloatStatistic)(nil), (*State)(nil), (*Timer)(nil), (*Run)(nil),
		(*Sequence)(nil), (*SequenceRun)(nil), new(Tracker), new(Statistic), new(FloatStatistic), new(State), new(Timer), new(Run),
		new(Sequence), new(SequenceRun)} {
		r := reflect.ValueOf(v)
		for i := range r.NumMethod() {
			m := r.Method(i)
			args := make([]reflect.Value, 0, m.Type().NumIn())
			for j := range m.Type().NumIn() {
				if m.Type().IsVariadic() && j == m.Type().NumIn()-1 {
					break
				}
				args = append(args, reflect.Zero(m.Type().In(j)))
			}
			func() {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("%T.%s: %v", v, r.Type().Method(i).Name, p)
					}
				}()
				for _, out := range m.Call(args) {
					if out.Kind() == reflect.Func { // All
						out.Call([]reflect.Value{reflect.MakeFunc(out.Type().In(0), func([]reflect.Value) []reflect.Value {
							return []reflect.Value{reflect.ValueOf(true)}
						})})
					}
				}
			}()
		}
	}
	var tracker *Tracker
	s, err := tracker.Statistic("n")
	if s.With(web).Value(); err == nil {
		t.Error("a nil tracker declares without an error")
	}
}
