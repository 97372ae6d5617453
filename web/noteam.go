package web

import (
	"errors"
	"net/http"

	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/templates"
	"backupportal/web/auth"
)

// The lines for a person who is signed in and in no team.
var (
	msgNoTeam = param.Text{
		En: "You are signed in, but you are in no team of this portal, so you cannot start or view backups. Send the following lines to an operator.",
		Zh: "您已登录，但不属于本门户的任何团队，因此无法发起或查看备份。请将以下各行发给管理员。"}
	msgNoTeamPerson = param.Text{
		En: "Looked at: issuer “%v” (iss), subject “%v” (sub). The policy has no member with them.",
		Zh: "已查看：签发方“%v”（iss），主体“%v”（sub）。策略中没有与之相符的成员。"}
	msgEmail = param.Text{
		En: "Looked at: email and email_verified. The policy has no member with the domain of the verified address “%v”.",
		Zh: "已查看：email 和 email_verified。策略中没有与已验证地址“%v”的域名相符的成员。"}
	msgNoEmail = param.Text{
		En: "Looked at: email and email_verified. There is no verified email address.",
		Zh: "已查看：email 和 email_verified。没有已验证的电子邮件地址。"}
)

// groupTexts has a text for each result of the search for a person's groups in the claims of a
// sign-in. Its argument is the name of the claim.
var groupTexts = map[identity.GroupResult]param.Text{
	identity.GroupsFound: {
		En: "Looked at: groups in the claim “%v”. The policy has changed since you signed in. Sign in again.",
		Zh: "已查看：声明“%v”中的群组。您登录后策略已更改，请重新登录。"},
	identity.GroupsMissing: {
		En: "Looked at: groups in the claim “%v”. The identity provider did not send this claim. An operator can have the provider send it, or set OIDC_GROUPS_CLAIM to another claim or OIDC_SCOPES to the scope that it needs.",
		Zh: "已查看：声明“%v”中的群组。身份提供商没有发送此声明。管理员可以让身份提供商发送该声明，或将 OIDC_GROUPS_CLAIM 设为其他声明、将 OIDC_SCOPES 设为所需的范围。"},
	identity.GroupsUnanswered: {
		En: "Looked at: groups in the claim “%v”. It is not in the token, and the userinfo endpoint of the identity provider gave no usable answer. Sign in again.",
		Zh: "已查看：声明“%v”中的群组。令牌中没有此声明，且身份提供商的 userinfo 端点未给出可用的响应。请重新登录。"},
	identity.GroupsOverage: {
		En: "Looked at: groups in the claim “%v”. The identity provider left the groups out because there are too many for a token (groups overage). An operator can limit them to the groups that are assigned to the application, or use app roles with OIDC_GROUPS_CLAIM=roles.",
		Zh: "已查看：声明“%v”中的群组。群组过多，令牌容纳不下，身份提供商已将其省略（groups overage）。管理员可以将其限制为分配给该应用的群组，或使用应用角色并设置 OIDC_GROUPS_CLAIM=roles。"},
	identity.GroupsEmpty: {
		En: "Looked at: groups in the claim “%v”. The claim is empty: the identity provider says that you are in no group.",
		Zh: "已查看：声明“%v”中的群组。该声明为空：身份提供商表示您不属于任何群组。"},
	identity.GroupsUnreadable: {
		En: "Looked at: groups in the claim “%v”. The claim is not a list, a text or an object with names of groups. An operator can set OIDC_GROUPS_CLAIM to the path of the list.",
		Zh: "已查看：声明“%v”中的群组。该声明不是包含群组名称的列表、文本或对象。管理员可以将 OIDC_GROUPS_CLAIM 设为列表所在的路径。"},
	identity.GroupsUnnamed: {
		En: "Looked at: groups in the claim “%v”. You are in groups, but the policy has no member with one of them. Names are compared exactly. After a change of the policy, sign in again.",
		Zh: "已查看：声明“%v”中的群组。您属于某些群组，但策略中没有使用其中任何群组的成员。名称须完全一致。策略更改后请重新登录。"},
}

// msgNotInToken replaces the text for a missing claim if a gateway sends the token: the portal
// requests no scopes then, so OIDC_SCOPES has no effect.
var msgNotInToken = param.Text{
	En: "Looked at: groups in the claim “%v”. The token that the gateway sends does not have this claim. An operator can have the identity provider put it into the token, or set OIDC_GROUPS_CLAIM to another claim.",
	Zh: "已查看：声明“%v”中的群组。网关发送的令牌中没有此声明。管理员可以让身份提供商将该声明写入令牌，或将 OIDC_GROUPS_CLAIM 设为其他声明。"}

// isTeamless reports whether p is a person who is in no team of the policy.
func (s *Server) isTeamless(p identity.Principal) bool {
	return p.Kind == identity.KindHuman && len(s.Policy.Teams(p)) == 0
}

// noTeam returns the lines that tell a person who is in no team of the policy which claims the
// portal has searched. It returns nil for a member of a team.
func (s *Server) noTeam(r *http.Request, p identity.Principal) []string {
	if !s.isTeamless(p) {
		return nil
	}
	l := templates.Language(r.Context())
	lines := []string{
		msgNoTeam.In(l),
		msgNoTeamPerson.Fill(l, param.Clean(p.Issuer, 200), param.Clean(p.Subject, 255)),
	}
	if p.Lookup.Claim == "" {
		return lines
	}
	email := msgNoEmail.In(l)
	if p.Email != "" {
		email = msgEmail.Fill(l, p.Email)
	}
	groups := groupTexts[p.Lookup.Result]
	if p.Lookup.Result == identity.GroupsMissing && s.Mode == auth.ModeJWT {
		groups = msgNotInToken
	}
	return append(lines, groups.Fill(l, param.Clean(p.Lookup.Claim, 255)), email)
}

// identityLines returns what an operator must write into the policy to name the person p, as
// lines. It returns "" if p is not a person.
func identityLines(p identity.Principal) string {
	if p.Kind != identity.KindHuman || p.Issuer+p.Subject == "" {
		return ""
	}
	return "issuer: " + param.Clean(p.Issuer, 200) + "\nsubject: " + param.Clean(p.Subject, 255)
}

// logTeamless writes a warning about a person who is in no team, at most once an hour for each
// person. The line has the names of the claims that the portal searched, and no group and no
// address.
func (s *Server) logTeamless(r *http.Request, p identity.Principal) {
	if !s.isTeamless(p) || !s.teamless.First(p.ID(), s.Backups.Now()) {
		return
	}
	claims := []string{"iss", "sub"}
	if p.Lookup.Claim != "" {
		claims = append(claims, param.Clean(p.Lookup.Claim, 255), "email", "email_verified")
	}
	groups := string(p.Lookup.Result)
	if groups == "" {
		groups = "no longer in the policy"
	}
	s.Log.WarnContext(r.Context(), "signed in without a team",
		"issuer", param.Clean(p.Issuer, 200),
		"subject", param.Clean(p.Subject, 255),
		"claims", claims,
		"groups", groups,
		"verified_email", p.Email != "",
	)
}

// logMismatch writes a warning about a token of a CI service that matches no pipeline of the
// policy, at most once an hour for each subject. It names the claims that differ, so that an
// operator can correct the policy.
func (s *Server) logMismatch(r *http.Request, err error) {
	token, ok := errors.AsType[*auth.MismatchError](err)
	if !ok || !s.mismatched.First(token.Issuer+"#"+token.Subject, s.Backups.Now()) {
		return
	}
	s.Log.WarnContext(r.Context(), "token matches no pipeline",
		"issuer", param.Clean(token.Issuer, 200),
		"subject", param.Clean(token.Subject, 255),
		"differs", token.Differ,
	)
}

// logCause writes a warning about a failed authentication whose cause is known, at most once an
// hour for each cause. Pages and answers do not tell the cause, so an operator needs it here.
func (s *Server) logCause(r *http.Request, err error) {
	known, ok := errors.AsType[*auth.CauseError](err)
	if !ok || !s.causes.First(known.Issuer+"#"+known.Cause, s.Backups.Now()) {
		return
	}
	s.Log.WarnContext(r.Context(), "not authenticated",
		"issuer", known.Issuer,
		"error", known.Err,
		"cause", known.Cause,
	)
}
