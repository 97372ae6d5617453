package web

import (
	"net/http"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/pattern"
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

// codePattern is the form of an error code of the cloud.
const codePattern = `[A-Za-z0-9._-]{1,64}`

// errorCode returns a job's error message if it is a code, otherwise an empty text. The cloud uses one
// member for both.
func errorCode(message string) string {
	if pattern.Match(codePattern, message) {
		return message
	}
	return ""
}
