// Package game is the game of the examples rpg and hq, with the question and the
// report that they share.
package game

import (
	"errors"
	"fmt"
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// Game is the application and what it counts.
type Game struct {
	quests, monsters *otelusage.Statistic
	gold             *otelusage.FloatStatistic
	server           *otelusage.State
	playTime         *otelusage.Timer
	roundTrip        *otelusage.Sequence
}

// New declares what is counted. The game is playable even with an error.
func New(t *otelusage.Tracker) (*Game, error) {
	var g Game
	var errs [6]error
	g.quests, errs[0] = t.Statistic("quests_complete", otelusage.WithDescription("Quests handed in"))
	g.monsters, errs[1] = t.Statistic("monsters_killed", otelusage.WithDescription("Monsters killed"), otelusage.Monotonic())
	g.gold, errs[2] = t.FloatStatistic("gold", otelusage.WithDescription("The hero's purse"))
	g.server, errs[3] = t.State("server", otelusage.NoState, otelusage.WithDescription("Where the game is played"), otelusage.WithStates("Avalon", "Camelot"))
	g.playTime, errs[4] = t.Timer("play_time", otelusage.WithDescription("Time in the game"))
	g.roundTrip, errs[5] = t.Sequence("round_trip", []string{"town", "forest", "cave", "town"}, otelusage.WithDescription("Out and home again"))
	return &g, errors.Join(errs[:]...)
}

// Login begins a session.
func (g *Game) Login(server string) {
	g.server.Set(server)
	g.playTime.Start()
}

// Logoff ends it and returns how long it took.
func (g *Game) Logoff() time.Duration {
	played := g.playTime.Stop()
	g.roundTrip.Clear()
	return played
}

// Visit brings the hero to a place. Visiting all places of a round trip in order
// completes it.
func (g *Game) Visit(place string) { g.roundTrip.Hit(place) }

// Fight kills a monster.
func (g *Game) Fight(loot float64) {
	g.monsters.Inc()
	g.gold.Add(loot)
}

// HandIn completes a quest and adds its reward.
func (g *Game) HandIn(reward float64) {
	g.quests.Inc()
	g.gold.Add(reward)
}

// Buy spends gold.
func (g *Game) Buy(price float64) { g.gold.Add(-price) }

// Play is one session: two quests, three monsters, one round trip and one that is
// not completed.
func (g *Game) Play(server string) string {
	g.Login(server)
	g.Visit("town")
	g.Buy(12.5)
	g.Visit("forest")
	g.Fight(3)
	g.Visit("cave")
	g.Fight(20.25)
	g.Fight(1)
	g.Visit("town")
	g.HandIn(10)
	g.HandIn(5)
	g.Visit("forest")
	played := g.Logoff()
	return fmt.Sprintf("Played on %s for %v: three monsters, two quests, one round trip.", server, played.Round(time.Microsecond))
}
