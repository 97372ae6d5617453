package web

import (
	"fmt"
	"net/http"
	"strings"
)

// setLanguage keeps the reader's choice, for pages without a form, and leads
// back to one that mux has.
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
		if !localPath(back) || !answers(mux, back) {
			back = "/"
		}
		http.Redirect(w, r, back, http.StatusSeeOther)
		return nil
	}
}

// answers reports whether mux has a page at a local path.
func answers(mux *http.ServeMux, path string) bool {
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		return false
	}
	_, pattern := mux.Handler(r)
	return pattern != ""
}

// setCookie keeps one of two words that change nothing but how pages look.
func (s *Server) setCookie(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: 365 * 24 * 3600,
		Secure: strings.HasPrefix(s.Origin, "https://"), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
