package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/templates"
	"backupportal/web/auth"
)

// Where people sign in and out.
const (
	loginPath     = "/auth/login"
	logoutPath    = "/auth/logout"
	signedOutPath = "/auth/signed-out"
)

var signInAgain = param.Text{En: "Sign in again", Zh: "重新登录"}

// signInFaults are met by people on their way in only, never by machines.
var signInFaults = []fault{
	{auth.ErrLogin, http.StatusBadRequest, "sign-in",
		param.Text{En: "This sign-in cannot be finished", Zh: "无法完成此次登录"},
		param.Text{En: "It was not begun in this browser, took longer than ten minutes, or another tab began a new one.", Zh: "此次登录不是在本浏览器中开始的，或已超过十分钟，或已在另一标签页中重新开始。"}},
	{auth.ErrRefused, http.StatusForbidden, "sign-in-refused",
		param.Text{En: "You were not signed in", Zh: "未能登录"},
		param.Text{En: "The identity provider did not let you in, or you cancelled there.", Zh: "身份提供方未允许登录，或您已在那里取消。"}},
	{auth.ErrProvider, http.StatusBadGateway, "provider",
		param.Text{En: "The identity provider could not be used", Zh: "身份提供方不可用"},
		param.Text{En: "It did not answer, or not in a way that this portal accepts. Try again; if that does not help, tell an operator.", Zh: "对方没有响应，或响应不被本门户接受。请重试；如仍不行，请联系管理员。"}},
	{backup.ErrSignIns, http.StatusTooManyRequests, "sign-ins",
		param.Text{En: "Too many sign-ins failed", Zh: "登录失败次数过多"},
		param.Text{En: "From your network address the identity provider refused too many. Wait a while, then sign in again.", Zh: "来自您网络地址的登录被身份提供方多次拒绝。请稍候再登录。"}},
	{auth.ErrTooLarge, http.StatusForbidden, "session-too-large",
		param.Text{En: "You are in too many groups to sign in", Zh: "所属群组过多，无法登录"},
		param.Text{En: "What the identity provider says of you does not fit into a session. An operator can reduce the groups that the policy names.", Zh: "身份提供方给出的信息超出会话容量。管理员可以减少策略中列出的群组。"}},
}

// isSignIn reports whether err was met on the way in.
func isSignIn(err error) bool {
	for _, f := range signInFaults {
		if errors.Is(err, f.err) {
			return true
		}
	}
	return false
}

// login sends the reader to the identity provider, and later back to next if
// mux has such a page.
func (s *Server) login(mux *http.ServeMux) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return s.SignIn.Login(w, r, nextPage(mux, r.URL.Query().Get("next")))
	}
}

// nextPage is where somebody who signed in goes: to next if that is a page of
// mux, else to the first page.
func nextPage(mux *http.ServeMux, next string) string {
	if !localPath(next) || strings.HasPrefix(next, "/auth/") || !answers(mux, next) {
		return "/"
	}
	return next
}

// callback is where the identity provider sends the reader back to.
func (s *Server) callback(w http.ResponseWriter, r *http.Request) error {
	from := backup.RequestInfoFrom(r.Context()).ClientIP
	next, err := s.SignIn.Callback(w, r, func(transaction string) error { return s.maySignIn(r, from, transaction) })
	if errors.Is(err, backup.ErrSignIns) || errors.Is(err, backup.ErrStoreUnavailable) {
		return err
	}
	if err != nil {
		if errors.Is(err, auth.ErrProvider) {
			s.Backups.SignInFailed(r.Context(), from)
		}
		s.notSignedIn(r, faultOf(err).name)
		return err
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// maySignIn reports whether a sign-in that was begun in this browser may ask the
// identity provider. Each may once, so that nobody repeats one until its address is
// locked out; then the failures of its address count.
func (s *Server) maySignIn(r *http.Request, from, transaction string) error {
	if err := s.Backups.MaySignIn(r.Context(), from); err != nil {
		return err
	}
	ok, err := s.Backups.SpendSignIn(r.Context(), transaction)
	if err != nil {
		return err
	}
	if !ok {
		return auth.ErrLogin
	}
	return nil
}

// notSignedIn tells the audit that somebody was not let in, and why. Anybody can
// try as often as they like.
func (s *Server) notSignedIn(r *http.Request, why string) {
	from := backup.RequestInfoFrom(r.Context()).ClientIP
	s.Backups.Note(r.Context(), backup.AuditEvent{
		Kind:      backup.AuditSigninFailed,
		SampleKey: why + " " + from,
		Outcome:   backup.AuditOutcome{Class: why},
	})
}

// logout ends the reader's session, wherever a copy of its cookie may be.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	if err := s.SignIn.Sessions.End(w, r); err != nil {
		return err
	}
	http.Redirect(w, r, signedOutPath, http.StatusSeeOther)
	return nil
}

// signedOut says that the session is over.
func (s *Server) signedOut(w http.ResponseWriter, r *http.Request) error {
	var also []templates.Action
	if there := s.SignIn.EndSession(); there != "" {
		also = append(also, templates.Action{
			Link: there,
			Text: param.Text{En: "Sign out at the identity provider, too", Zh: "同时退出身份提供方"},
		})
	}
	return render(w, r, http.StatusOK, templates.ProblemPage(templates.Problem{
		Shell: s.shell(r), Also: also, Title: param.Text{En: "You are signed out", Zh: "您已退出登录"},
		Lines: []string{param.Text{En: "Of this portal. You may still be signed in at the identity provider.", Zh: "已退出本门户；您在身份提供方可能仍处于登录状态。"}.In(templates.Language(r.Context()))},
		Link:  loginPath, LinkText: signInAgain,
	}))
}

// offerSignIn sends whoever opens a page without a session to sign in, and
// back. A form or a script is not sent on: what it asked for would be lost.
func (s *Server) offerSignIn(w http.ResponseWriter, r *http.Request, err error) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	if s.SignIn == nil || !errors.Is(err, auth.ErrSignedOut) || r.Method != http.MethodGet || dest != "" && dest != "document" {
		return false
	}
	w.Header().Del("WWW-Authenticate")
	http.Redirect(w, r, loginPath+"?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
	return true
}
