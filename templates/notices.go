package templates

import "context"

// notices returns the lines that are shown below the header of every page, each if it applies:
// this is a demonstration, the store is temporary, backups are disabled, or the person is in no
// team.
func (s Shell) notices(ctx context.Context) []string {
	var lines []string
	if s.Demo {
		if s.User == "" {
			lines = append(lines, in(ctx, wordDemo))
		} else {
			lines = append(lines, in(ctx, wordDemoAs, s.User))
		}
	}
	if s.Ephemeral {
		lines = append(lines, in(ctx, wordEphemeral))
	}
	if s.Disabled {
		lines = append(lines, in(ctx, wordDisabled))
	}
	return append(lines, s.NoTeam...)
}
