package web

import (
	"net/http"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/policy"
)

// rateLimited passes a POST request to h only if the request's principal has not exceeded the rate
// limit. Requests with other methods always pass. rateLimited must run after signedIn.
func (s *Server) rateLimited(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodPost {
			if err := s.Backups.CountRequest(r.Context(), principal(r)); err != nil {
				if !wantsJSON(r) {
					_, _ = readForm(r) // parse the form, because the error page repeats its values
				}
				return err
			}
		}
		return h(w, r)
	}
}

// limitOwner returns words for the owner of a limit. The letter before the colon of the limit's key
// names the kind of owner: a is an account, t a team, s a program (a source of the policy), l the
// IP address of the sender, i a resource with a cool-down. Every other letter is the principal
// ("you"). The policy gives labels for accounts and teams; if rules is nil, limitOwner uses their
// names.
func limitOwner(key string, rules *policy.Policy) param.Text {
	kind, name, _ := strings.Cut(key, ":")
	label := param.Both(name, name)
	if rules != nil && kind == "a" {
		if account, ok := rules.Account(name); ok {
			label = account.Label()
		}
	}
	if rules != nil && kind == "t" {
		label = rules.TeamLabel(name)
	}
	switch kind {
	case "a":
		return param.Text{En: "account " + label.En, Zh: "账号 " + label.Zh}
	case "t":
		return param.Text{En: "team " + label.En, Zh: "团队 " + label.Zh}
	case "s":
		return param.Text{En: "source " + name, Zh: "来源 " + name}
	case "l":
		return param.Text{En: "your IP address", Zh: "您的 IP 地址"}
	case "i":
		return param.Text{En: name, Zh: name}
	}
	return param.Text{En: "you", Zh: "您"}
}

var (
	msgLimitOf   = param.Text{En: "This limit applies to %v.", Zh: "此限制适用于%v。"}
	msgLimitTill = param.Text{En: "This limit applies to %v. Try again after %v.", Zh: "此限制适用于%v。请在 %v 之后重试。"}
)

// limitWords returns a sentence that names the owner of a limit. If it is known when the limit
// permits a submission again, the sentence also names this time.
func limitWords(limit *backup.LimitError, rules *policy.Policy, zone *time.Location, now time.Time) param.Text {
	who := limitOwner(limit.Key, rules)
	if limit.RetryAfter == 0 {
		return param.Text{En: msgLimitOf.Fill(param.English, who), Zh: msgLimitOf.Fill(param.Chinese, who)}
	}
	end := now.Add(limit.RetryAfter + time.Second).In(zone)
	at := end.Format("15:04:05 ") + param.UTCOffset(end)
	return param.Text{En: msgLimitTill.Fill(param.English, who, at), Zh: msgLimitTill.Fill(param.Chinese, who, at)}
}
