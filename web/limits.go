package web

import (
	"net/http"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// rateLimited passes a POST request to h only if its principal has not exceeded the rate of
// requests; other methods always pass. It must be behind signedIn.
func (s *Server) rateLimited(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodPost {
			if err := s.Backups.Pace(r.Context(), principal(r)); err != nil {
				if !wantsJSON(r) {
					_, _ = readForm(r) // parse the form, because the error page repeats its values
				}
				return err
			}
		}
		return h(w, r)
	}
}

// limitOwner returns the owner of a limit, which the first letter of its key identifies: an
// account, team, source, network address or instance, or else the principal.
func limitOwner(key string) param.Text {
	kind, name, _ := strings.Cut(key, ":")
	switch kind {
	case "a":
		return param.Text{En: "account " + name, Zh: "账号 " + name}
	case "t":
		return param.Text{En: "team " + name, Zh: "团队 " + name}
	case "s":
		return param.Text{En: "source " + name, Zh: "来源 " + name}
	case "l":
		return param.Text{En: "your network address", Zh: "您的网络地址"}
	case "i":
		return param.Text{En: name, Zh: name}
	}
	return param.Text{En: "you", Zh: "您"}
}

var (
	msgLimitOf   = param.Text{En: "The limit is that of: %v.", Zh: "限制对象：%v。"}
	msgLimitTill = param.Text{En: "The limit is that of: %v. It is free again at %v.", Zh: "限制对象：%v，恢复时间：%v。"}
)

// limitWords returns a sentence with the owner of a limit and, if it is known, the time at which it
// can be used again.
func limitWords(limit *backup.LimitError, zone *time.Location, now time.Time) param.Text {
	who := limitOwner(limit.Key)
	if limit.RetryAfter == 0 {
		return param.Text{En: msgLimitOf.Fill(param.English, who), Zh: msgLimitOf.Fill(param.Chinese, who)}
	}
	at := now.Add(limit.RetryAfter + time.Second).In(zone).Format("15:04:05 MST")
	return param.Text{En: msgLimitTill.Fill(param.English, who, at), Zh: msgLimitTill.Fill(param.Chinese, who, at)}
}
