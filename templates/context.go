// Package templates draws the pages.
//
// It knows backups but not HTTP: every page is a function of one struct, and of
// the reader's language and theme, which are in the context.
package templates

import (
	"context"

	"backupportal/function/param"
)

type contextKey int

const (
	languageKey contextKey = iota
	themeKey
)

// WithLanguage returns a context in which pages are drawn in language l.
func WithLanguage(ctx context.Context, l param.Language) context.Context {
	return context.WithValue(ctx, languageKey, l)
}

// Language is the reader's language; English if none was set.
func Language(ctx context.Context) param.Language {
	if l, ok := ctx.Value(languageKey).(param.Language); ok {
		return l
	}
	return param.English
}

// WithTheme returns a context in which pages have a fixed theme, "light" or
// "dark"; an empty one follows the reader's system.
func WithTheme(ctx context.Context, theme string) context.Context {
	return context.WithValue(ctx, themeKey, theme)
}

// Theme is the theme that the reader chose, or "".
func Theme(ctx context.Context) string {
	theme, _ := ctx.Value(themeKey).(string)
	return theme
}
