package web

import (
	"fmt"
	"net/http"
	"strings"
)

// setLanguage answers POST /lang: it stores the reader's language in a cookie and redirects back to
// the page, if mux has it. Pages with a form use [Server.redraw] instead, so that no input is lost.
func (s *Server) setLanguage(mux *http.ServeMux) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := r.ParseForm(); err != nil {
			return fmt.Errorf("%w: %w", errRequest, err)
		}
		l, ok := languageTag(r.PostForm.Get("to"))
		if !ok {
			return errRequest
		}
		s.setCookie(w, "lang", string(l))
		back := r.PostForm.Get("back")
		if !localPath(back) || !hasPage(mux, back) {
			back = "/"
		}
		http.Redirect(w, r, back, http.StatusSeeOther)
		return nil
	}
}

// hasPage reports whether mux has a route for GET path.
func hasPage(mux *http.ServeMux, path string) bool {
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		return false
	}
	_, pattern := mux.Handler(r)
	return pattern != ""
}

// setCookie sets a cookie of one year that affects only the appearance of pages.
func (s *Server) setCookie(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: 365 * 24 * 3600,
		Secure: strings.HasPrefix(s.Origin, "https://"), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
