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

// Addresses of the sign-in.
const (
	loginPath     = "/auth/login"
	logoutPath    = "/auth/logout"
	signedOutPath = "/auth/signed-out"
)

var signInAgain = param.Text{En: "Sign in again", Zh: "重新登录"}

// signInFaults are the rows of the table of errors that only people can meet, when they sign
// in. They are not in the API reference.
var signInFaults = []fault{
	{auth.ErrLogin, http.StatusBadRequest, "sign-in",
		param.Text{En: "This sign-in cannot be completed", Zh: "无法完成此次登录"},
		param.Text{En: "The sign-in was not started in this browser, took longer than ten minutes, or was started again in another tab.", Zh: "此次登录不是在本浏览器中开始的，或已超过十分钟，或已在另一标签页中重新开始。"}},
	{auth.ErrRefused, http.StatusForbidden, "sign-in-refused",
		param.Text{En: "You were not signed in", Zh: "未能登录"},
		param.Text{En: "The identity provider refused the sign-in, or you cancelled it.", Zh: "身份提供商拒绝了登录，或您已取消登录。"}},
	{auth.ErrProviderAlgorithm, http.StatusBadGateway, "provider-algorithm",
		param.Text{En: "The identity provider signs with an algorithm that is not accepted", Zh: "身份提供商使用了不接受的签名算法"},
		param.Text{En: "The header of its ID token (alg) must name RS256 or ES256. An operator can change the algorithm at the identity provider.", Zh: "ID 令牌头部的 alg 必须为 RS256 或 ES256。管理员可以在身份提供商处更改算法。"}},
	{auth.ErrProvider, http.StatusBadGateway, "provider",
		param.Text{En: "The identity provider is not available", Zh: "身份提供商不可用"},
		param.Text{En: "It did not answer, or its answer was not valid. Try again. If it fails again, contact an operator.", Zh: "身份提供商没有响应，或响应无效。请重试；若仍失败，请联系管理员。"}},
	{backup.ErrSignIns, http.StatusTooManyRequests, "sign-ins",
		param.Text{En: "Too many failed sign-ins", Zh: "登录失败次数过多"},
		param.Text{En: "The identity provider refused too many sign-ins from your IP address. Wait a few minutes, then sign in again.", Zh: "来自您的 IP 地址的登录多次被身份提供商拒绝。请几分钟后再登录。"}},
	{auth.ErrTooLarge, http.StatusForbidden, "session-too-large",
		param.Text{En: "You are in too many groups to sign in", Zh: "所属群组过多，无法登录"},
		param.Text{En: "Your user information does not fit into a session. An operator can reduce the number of groups in the policy.", Zh: "您的用户信息超出会话容量。管理员可以减少策略中的群组数量。"}},
}

// isSignInError reports whether err is in signInFaults.
func isSignInError(err error) bool {
	for _, f := range signInFaults {
		if errors.Is(err, f.err) {
			return true
		}
	}
	return false
}

// login returns the handler of GET /auth/login. It redirects to the identity provider. After the
// sign-in the person returns to the page in next, if mux has it.
func (s *Server) login(mux *http.ServeMux) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return s.SignIn.Login(w, r, nextPage(mux, r.URL.Query().Get("next")))
	}
}

// nextPage returns next if it is a page of mux outside /auth/, otherwise "/".
func nextPage(mux *http.ServeMux, next string) string {
	if !localPath(next) || strings.HasPrefix(next, "/auth/") || !hasPage(mux, next) {
		return "/"
	}
	return next
}

// callback answers GET /auth/callback, to which the identity provider sends the browser back. It
// limits the failed sign-ins from one network address, because each of them calls the provider.
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
		s.auditFailedSignIn(r, faultOf(err).name)
		return err
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// maySignIn returns nil if the sign-in in this browser may call the identity provider. It
// refuses a network address with too many failed sign-ins. It also refuses a second call for
// the same sign-in: otherwise repeated callbacks could lock out the address.
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

// auditFailedSignIn writes a failed authentication to the audit trail, with its reason. The trail
// samples equal events, because anyone can cause any number of them.
func (s *Server) auditFailedSignIn(r *http.Request, why string) {
	from := backup.RequestInfoFrom(r.Context()).ClientIP
	s.Backups.Note(r.Context(), backup.AuditEvent{
		Kind:      backup.AuditSigninFailed,
		SampleKey: why + " " + from,
		Outcome:   backup.AuditOutcome{Class: why},
	})
}

// logout answers POST /auth/logout: it ends the session, including all copies of its cookie.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	if err := s.SignIn.Sessions.End(w, r); err != nil {
		return err
	}
	http.Redirect(w, r, signedOutPath, http.StatusSeeOther)
	return nil
}

// signedOut answers GET /auth/signed-out. The page says that the session has ended. It links to the provider's own
// sign-out.
func (s *Server) signedOut(w http.ResponseWriter, r *http.Request) error {
	var also []templates.Action
	if there := s.SignIn.EndSession(); there != "" {
		also = append(also, templates.Action{
			Link: there,
			Text: param.Text{En: "Also sign out of the identity provider", Zh: "同时退出身份提供商"},
		})
	}
	return render(w, r, http.StatusOK, templates.ProblemPage(templates.Problem{
		Shell: s.shell(r), Also: also, Title: param.Text{En: "You are signed out", Zh: "您已退出登录"},
		Lines: []string{param.Text{En: "You are signed out of this portal. You may still be signed in to the identity provider.", Zh: "已退出本门户；您在身份提供商可能仍处于登录状态。"}.In(templates.Language(r.Context()))},
		Link:  loginPath, LinkText: signInAgain,
	}))
}

// redirectToSignIn redirects a person who opens a page without a session to the sign-in, and later
// back to the page. It reports whether it did. Forms and scripts are not redirected, because their
// request could not be repeated.
func (s *Server) redirectToSignIn(w http.ResponseWriter, r *http.Request, err error) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	if s.SignIn == nil || !errors.Is(err, auth.ErrSignedOut) || r.Method != http.MethodGet || dest != "" && dest != "document" {
		return false
	}
	w.Header().Del("WWW-Authenticate")
	http.Redirect(w, r, loginPath+"?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
	return true
}
