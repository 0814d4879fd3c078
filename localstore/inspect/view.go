package inspect

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"
)

// DefaultListen is where the page is served: on loopback, at a free port.
const DefaultListen = "127.0.0.1:0"

func (s *session) viewCommand() *cli.Command {
	listen := DefaultListen
	return &cli.Command{
		Name: "view", Usage: "serve a page for the browser, until interrupted",
		Flags: []cli.Flag{&cli.StringFlag{Name: "listen", Usage: "serve at `ADDRESS`; on any but loopback others can read it",
			Value: DefaultListen, Destination: &listen}},
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := most(0, c); err != nil {
				return err
			}
			path, err := s.path()
			if err != nil {
				return err
			}
			err = s.opts.View(ctx, path, listen, func(url string) {
				if s.json {
					_ = s.printJSON(struct { // an error shows when it is flushed
						URL string `json:"url"`
					}{url})
				} else {
					s.line("%s", url)
					s.note("Open it in a browser. Interrupt this command to end it.")
				}
				_ = s.out.Flush() // its error stays
			})
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		},
	}
}
