// Package templates renders the portal's pages.
//
// A page is a templ component, made from one struct of props.go. The component reads the reader's
// language and theme from the context. The package knows the domain but not HTTP.
//
//	data                  component         file
//	StartPage             Start             start.templ
//	ChoosePage            Choose            choose.templ
//	FormPage              Form, Part        form.templ, controls.templ, rows.templ
//	CheckPage             Check             check.templ
//	StatusPage            Status, Live      status.templ
//	VolumesPage           Volumes           volumes.templ
//	CancelPage            Cancel            cancel.templ
//	HistoryPage           History           history.templ
//	SchedulesPage         Schedules         schedules.templ
//	AccessPage            Access            access.templ
//	ReceiversPage         Receivers         receivers.templ
//	APIPage               API               api.templ
//	Problem               ProblemPage       problem.templ
//
// layout.go has the order of the form's fields. Each text is a [param.Text] with all languages.
package templates

import (
	"context"

	"backupportal/function/param"
)

// A contextKey is the type of this package's context keys.
type contextKey int

const (
	languageKey contextKey = iota
	themeKey
)

// WithLanguage returns a context with the reader's language l.
func WithLanguage(ctx context.Context, l param.Language) context.Context {
	return context.WithValue(ctx, languageKey, l)
}

// Language returns the reader's language; English if none was set.
func Language(ctx context.Context) param.Language {
	if l, ok := ctx.Value(languageKey).(param.Language); ok {
		return l
	}
	return param.English
}

// WithTheme returns a context with the theme "light" or "dark". An empty theme means that of the
// reader's system.
func WithTheme(ctx context.Context, theme string) context.Context {
	return context.WithValue(ctx, themeKey, theme)
}

// Theme returns the theme in ctx; empty if none was set.
func Theme(ctx context.Context) string {
	theme, _ := ctx.Value(themeKey).(string)
	return theme
}
