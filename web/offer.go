package web

import (
	"net/http"
	"regexp"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/templates"
)

// accounts lists the accounts in which who may start backups, each with the
// regions in which who may.
func (s *Server) accounts(who identity.Principal) []backup.Account {
	accounts := s.Policy.Accounts(who, backup.ActionCreate)
	for i, a := range accounts {
		accounts[i].Regions = s.Policy.Regions(who, a.Alias)
	}
	return accounts
}

func withLanguage(r *http.Request, l param.Language) *http.Request {
	return r.WithContext(templates.WithLanguage(r.Context(), l))
}

var codeShape = regexp.MustCompile(`\A[A-Za-z0-9._-]{1,64}\z`)

// errorCode is the message of a job if it is a code: the field holds either.
func errorCode(message string) string {
	if codeShape.MatchString(message) {
		return message
	}
	return ""
}
