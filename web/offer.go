package web

import (
	"net/http"
	"regexp"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/templates"
)

// accounts returns the accounts in which p may start backups, each limited to the regions in which
// p may.
func (s *Server) accounts(p identity.Principal) []backup.Account {
	accounts := s.Policy.Accounts(p, backup.ActionCreate)
	for i, a := range accounts {
		accounts[i].Regions = s.Policy.Regions(p, a.Alias)
	}
	return accounts
}

// withLanguage returns r with another language.
func withLanguage(r *http.Request, l param.Language) *http.Request {
	return r.WithContext(templates.WithLanguage(r.Context(), l))
}

// codeShape matches an error code of the cloud.
var codeShape = regexp.MustCompile(`\A[A-Za-z0-9._-]{1,64}\z`)

// errorCode returns a job's error message if it is a code, else an empty text. The cloud uses one
// member for both.
func errorCode(message string) string {
	if codeShape.MatchString(message) {
		return message
	}
	return ""
}
