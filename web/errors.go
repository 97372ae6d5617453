package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"backupportal/function/admission"
	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/param"
	"backupportal/function/webhook"
	"backupportal/templates"
	"backupportal/web/auth"
)

// A handler answers a request, or returns an error. It never writes the status of a failure itself.
type handler func(http.ResponseWriter, *http.Request) error

// Errors of a request that is refused before its content is read. [faults] has a row for each.
var (
	errPanic    = errors.New("the program failed")
	errHost     = errors.New("unknown host name")
	errURL      = errors.New("URL too long")
	errHeaders  = errors.New("headers too large")
	errBody     = errors.New("body too large")
	errType     = errors.New("media type not accepted")
	errEncoded  = errors.New("body has a Content-Encoding")
	errOrigin   = errors.New("sent by another site")
	errMethod   = errors.New("method not allowed")
	errNoKind   = errors.New("no rule grants this source type")
	errNoPage   = errors.New("no such page")
	errNoSource = errors.New("no such webhook source")
	errRequest  = errors.New("unreadable request")
	errKey      = errors.New("malformed idempotency key")
	errNoKey    = errors.New("no idempotency key")

	errNotJSON    = fmt.Errorf("%w: a message must be JSON", errType)
	errGitHubForm = fmt.Errorf("%w: GitHub's webhook sends forms", errType)
	errControls   = errors.New("too many values in a form")
)

// A fault is a row of the table of errors: the HTTP status and the texts for one kind of error.
type fault struct {
	err    error // matched by errors.Is; nil for the rows outside the table
	status int
	name   string // last part of the problem's type; stable for programs
	title  param.Text
	detail param.Text
}

// words are the title and the detail of a fault.
type words struct{ title, detail param.Text }

// programWordsOf returns the words for programs of an error whose row in faults speaks to people. ok is false for other
// errors.
func programWordsOf(err error) (w words, ok bool) {
	switch err {
	case errNoPage:
		return words{
			param.Text{En: "Unknown URL", Zh: "未知的地址"},
			param.Text{En: "The portal has nothing at this URL. The page /docs/api lists the URLs of the API.", Zh: "门户没有此地址。页面 /docs/api 列出了 API 的所有地址。"},
		}, true
	case backup.ErrNotFound:
		return words{
			param.Text{En: "Submission not found", Zh: "找不到该提交"},
			param.Text{En: "There is no submission with this ID, or you are not allowed to view it.", Zh: "没有此编号的提交，或您没有权限查看。"},
		}, true
	case backup.ErrKeyReused:
		return words{
			param.Text{En: "This key has already been used", Zh: "此幂等键已使用过"},
			param.Text{En: "The key was used for a different backup. Nothing was started.", Zh: "已用于另一次备份。未开始备份。"},
		}, true
	}
	return words{}, false
}

// forPrograms returns f with the words that programs get.
func (f fault) forPrograms() fault {
	if w, ok := programWordsOf(f.err); ok {
		f.title, f.detail = w.title, w.detail
	}
	return f
}

// faults is the table of errors. The first matching row is used, so an error that wraps another
// one must come before it. An error without a row is an internal error: it is logged, and the
// sender gets only a request id.
var faults = []fault{
	{auth.ErrToken, http.StatusUnauthorized, "token",
		param.Text{En: "The token was not accepted", Zh: "令牌未被接受"},
		param.Text{
			En: "The token is unknown or has expired, or the claims of a CI token match no pipeline of the policy. The operator of this portal can create a token, and finds in the log which claim differs.",
			Zh: "令牌无效或已过期，或 CI 令牌的声明与策略中的任何流水线都不匹配。请联系本门户的管理员获取令牌；不匹配的声明记录在日志中。",
		}},
	{auth.ErrAlgorithm, http.StatusUnauthorized, "token-algorithm",
		param.Text{En: "The algorithm of the token is not accepted", Zh: "不接受令牌的签名算法"},
		param.Text{En: "The header of the token (alg) must name RS256 or ES256. Nothing was started. An operator can change the algorithm at the issuer of the token.", Zh: "令牌头部的 alg 必须为 RS256 或 ES256。未开始备份。管理员可以在令牌的签发方更改算法。"}},
	{auth.ErrIssuerUnavailable, http.StatusServiceUnavailable, "issuer-away",
		param.Text{En: "Your token cannot be verified at the moment", Zh: "暂时无法核验令牌"},
		param.Text{En: "The issuer of the token did not answer. Nothing was started. Send the same request again.", Zh: "令牌的签发方没有响应。未开始备份，请重新发送同一请求。"}},
	{webhook.ErrUnverified, http.StatusUnauthorized, "unverified",
		param.Text{En: "The message was not accepted", Zh: "消息未被接受"},
		param.Text{En: "The message is not signed with a key of this source, or it is too old. Nothing was started.", Zh: "消息未由此来源的密钥签名，或已过期。未开始备份。"}},
	{webhook.ErrNotJSON, http.StatusBadRequest, "unreadable", unreadable,
		param.Text{En: "The body is not a single JSON value. Nothing was started.", Zh: "内容不是单个 JSON 值。未开始备份。"}},
	{webhook.ErrUnicode, http.StatusBadRequest, "unreadable", unreadable,
		param.Text{
			En: "A text in the body is not valid Unicode: bytes that are not UTF-8, or half of a surrogate pair such as \\ud800. Nothing was started.",
			Zh: "内容中有文本不是有效的 Unicode：包含非 UTF-8 字节，或不完整的代理对（例如 \\ud800）。未开始备份。",
		}},
	{errUnresolved, http.StatusServiceUnavailable, "unsettled",
		param.Text{En: "It is not known yet whether a job exists", Zh: "尚不确定任务是否存在"},
		param.Text{En: "The portal is checking. Send the same message again: only one backup is created.", Zh: "正在核实。请重新发送同一消息，只会创建一个备份。"}},
	{auth.ErrSignedOut, http.StatusUnauthorized, "signed-out",
		param.Text{En: "Sign in to start a backup", Zh: "登录后即可备份"},
		param.Text{En: "Nothing was started: the request does not identify its sender. Programs must send a token in the Authorization header.", Zh: "未开始备份：此请求未表明发送者身份。程序须在请求头 Authorization 中提供令牌。"}},
	{backup.ErrDenied, http.StatusForbidden, "denied",
		param.Text{En: "You are not allowed to do this", Zh: "您没有权限执行此操作"},
		param.Text{En: "No rule allows this backup.", Zh: "没有规则授权此备份。"}},
	{errNoKind, http.StatusForbidden, "denied",
		param.Text{En: "You are not allowed to start backups of this type", Zh: "您没有发起此数据源类型备份的权限"},
		param.Text{En: "No rule allows this. Choose another type of backup, or ask for the permission.", Zh: "没有规则授权此操作。请选择其他数据源类型，或申请权限。"}},
	{errOrigin, http.StatusForbidden, "other-site",
		param.Text{En: "This request came from another site", Zh: "请求来自其他网站"},
		param.Text{En: "Nothing was changed. Open the portal and try again there.", Zh: "未执行任何操作。请打开门户后再试。"}},
	{backup.ErrNotFound, http.StatusNotFound, "not-found", notFoundTitle, notFoundDetail},
	{errNoResource, http.StatusNotFound, "not-found",
		param.Text{En: "Account or resource not found", Zh: "找不到账号或资源"},
		param.Text{En: "The account, region, instance, cluster or vault does not exist, or you are not allowed to create backups of it.", Zh: "账号、地域、实例、集群或备份库不存在，或您没有权限为其创建备份。"}},
	{errNoSource, http.StatusNotFound, "not-found",
		param.Text{En: "Webhook source not found", Zh: "找不到 Webhook 来源"},
		param.Text{En: "The policy has no source with this name. Nothing was started.", Zh: "策略中没有此名称的来源。未开始备份。"}},
	{errNoBatch, http.StatusNotFound, "not-found",
		param.Text{En: "Batch not found", Zh: "找不到批次"},
		param.Text{En: "There is no batch with this ID, or another sender created it.", Zh: "没有此编号的批次，或该批次由其他发送者创建。"}},
	{batch.ErrEnded, http.StatusConflict, "batch-ended",
		param.Text{En: "The batch has ended", Zh: "批次已结束"},
		param.Text{En: "All its items were started, or it was cancelled. Nothing was changed.", Zh: "批次中的所有项目均已启动，或批次已取消。未执行任何操作。"}},
	{errNoPage, http.StatusNotFound, "not-found", notFoundTitle, notFoundDetail},
	{errMethod, http.StatusMethodNotAllowed, "method", unusable,
		param.Text{En: "This URL does not support the request method.", Zh: "此地址不支持该请求方法。"}},
	{backup.ErrInProgress, http.StatusConflict, "in-progress",
		param.Text{En: "The first request with this key is still in progress", Zh: "使用此幂等键的首个请求仍在处理中"},
		param.Text{En: "Try again in a moment. You will get the answer to the first request.", Zh: "请稍后再试：将得到首个请求的结果。"}},
	{backup.ErrJobEnded, http.StatusConflict, "over",
		param.Text{En: "The backup has already ended", Zh: "备份已经结束"},
		param.Text{En: "The backup had already finished, so it was not cancelled.", Zh: "备份此前已结束，无需取消。"}},
	{backup.ErrNoJob, http.StatusConflict, "not-started",
		param.Text{En: "There is no job to cancel", Zh: "没有可取消的任务"},
		param.Text{En: "No job was started, or it is not known yet whether a job exists. In the second case, try again in a moment.", Zh: "未启动任务，或尚不确定是否已启动；如属后者，请稍后再试。"}},
	{backup.ErrNotCancelled, http.StatusBadGateway, "not-cancelled",
		param.Text{En: "The cancellation is not confirmed", Zh: "取消未得到确认"},
		param.Text{En: "Cloud Backup did not confirm the cancellation, so the backup may continue. You can try again.", Zh: "云备份未确认取消，备份可能仍在继续。可以再试一次。"}},
	{backup.ErrCancelRefused, http.StatusBadGateway, "cancel-refused",
		param.Text{En: "Cloud Backup refused to cancel the backup", Zh: "云备份拒绝取消备份"},
		param.Text{En: "The backup continues.", Zh: "备份仍在继续。"}},
	{backup.ErrKeyReused, http.StatusUnprocessableEntity, "key-reused",
		param.Text{En: "This form has already been used", Zh: "此表单已使用过"},
		param.Text{En: "It was used for a different backup.", Zh: "已用于另一次备份。"}},
	{errKey, http.StatusBadRequest, "key-malformed", unreadable,
		limited(param.Text{En: "The idempotency key (the Idempotency-Key header, or key in a form or an event) must be one value of 1 to %v visible ASCII characters, without quotes or backslashes.", Zh: "幂等键（请求头 Idempotency-Key，或表单、事件中的 key）只能有一个值，为 1 至 %v 个可见 ASCII 字符，且不含引号和反斜线。"}, maxKey)},
	{errNoKey, http.StatusBadRequest, "key-missing",
		param.Text{En: "Idempotency-Key is missing", Zh: "缺少 Idempotency-Key"},
		param.Text{En: "This operation requires the header Idempotency-Key. Nothing was started. Choose one key for each backup, for example a random UUID or the name of the deployment, and send the same key again with every retry: all requests with it are one backup.", Zh: "此操作必须带请求头 Idempotency-Key。未开始备份。请为每次备份选定一个幂等键，例如随机 UUID 或部署名称，重试时使用同一幂等键：使用同一幂等键的所有请求只对应一次备份。"}},
	{errRequest, http.StatusBadRequest, "unreadable", unreadable,
		param.Text{En: "Nothing was started. Go back and try again.", Zh: "未开始备份。请返回后重试。"}},
	{errBody, http.StatusRequestEntityTooLarge, "too-large", unusable,
		tooLong(maxBody)},
	{errControls, http.StatusRequestEntityTooLarge, "too-large", unusable,
		limited(param.Text{En: "The form has too many values: at most %v. Paste long lists of volumes as JSON.", Zh: "表单中的值过多：最多 %v 个。较长的存储卷列表请以 JSON 粘贴。"}, maxControls)},
	{errURL, http.StatusRequestURITooLong, "too-long", unusable,
		limited(param.Text{En: "The URL is too long: at most %v KB.", Zh: "URL 过长：最多 %v KB。"}, maxURL>>10)},
	{errHeaders, http.StatusRequestHeaderFieldsTooLarge, "headers-too-large", unusable,
		limited(param.Text{En: "The headers are too large: at most %v KB, names and values together. Nothing was started.", Zh: "请求头过大：名称与值合计最多 %v KB。未开始备份。"}, maxHeaders>>10)},
	{errEncoded, http.StatusUnsupportedMediaType, "content-encoding", unusable,
		param.Text{En: "The body has a Content-Encoding, such as gzip, and the portal does not decode it. Nothing was started. Send the body uncompressed, without the header Content-Encoding.", Zh: "请求体带有 Content-Encoding（如 gzip），门户不会解码。未开始备份。请发送未压缩的内容，并去掉请求头 Content-Encoding。"}},
	{errGitHubForm, http.StatusUnsupportedMediaType, "media-type", unusable,
		param.Text{En: "GitHub sent a form. Nothing was started. In the settings of the webhook on GitHub, choose the content type application/json.", Zh: "GitHub 以表单格式发送了消息。未开始备份。请在 GitHub 的 Webhook 设置中将 Content type 选为 application/json。"}},
	{errNotJSON, http.StatusUnsupportedMediaType, "media-type", unusable,
		param.Text{En: "A message must be JSON. Nothing was started. Send it with Content-Type: application/json.", Zh: "消息必须为 JSON。未开始备份。请使用 Content-Type: application/json 发送。"}},
	{errType, http.StatusUnsupportedMediaType, "media-type", unusable,
		param.Text{En: "This URL does not accept the Content-Type of the request.", Zh: "此地址不接受该请求的 Content-Type。"}},
	{errHost, http.StatusMisdirectedRequest, "host", unusable,
		param.Text{En: "The portal does not use this host name.", Zh: "门户不使用此主机名。"}},
	{backup.ErrRequests, http.StatusTooManyRequests, "too-many-requests",
		param.Text{En: "Too many requests", Zh: "请求过于频繁"},
		param.Text{En: "Nothing was changed. Wait a moment and send the request again.", Zh: "未执行任何操作。请稍候再提交。"}},
	{backup.ErrNotListed, http.StatusBadGateway, "not-listed",
		param.Text{En: "The list cannot be loaded from the cloud at the moment", Zh: "暂时无法从云端加载列表"},
		param.Text{En: "You can still enter IDs. “Check access” shows the cause.", Zh: "仍可直接填写 ID。“检查访问权限”会说明原因。"}},
	{backup.ErrRate, http.StatusTooManyRequests, "rate",
		param.Text{En: "Too many backups in a short time", Zh: "短时间内备份过多"},
		param.Text{En: "Nothing was started. The policy limits the number of backups in a period. You can send the same request again later.", Zh: "未开始备份。策略限制一段时间内的备份次数，稍后可以再次提交。"}},
	{backup.ErrQuota, http.StatusTooManyRequests, "quota",
		param.Text{En: "The daily backup quota is used up", Zh: "当日备份配额已用完"},
		param.Text{En: "Nothing was started. You can send the same request again on the next day, which begins at midnight UTC.", Zh: "未开始备份。次日（UTC 零点起）可以再次提交。"}},
	{backup.ErrCooldown, http.StatusTooManyRequests, "cool-down",
		param.Text{En: "This resource was backed up recently", Zh: "该资源刚刚备份过"},
		param.Text{En: "Nothing was started. The policy requires a minimum time between two backups of the same resource. You can send the request again after that time.", Zh: "未开始备份。策略要求同一资源的两次备份之间有最短间隔，之后可以再次提交。"}},
	{admission.ErrFull, http.StatusServiceUnavailable, "overloaded",
		param.Text{En: "The portal is busy", Zh: "门户繁忙"},
		param.Text{En: "The portal has too many requests at the moment. This request was not processed: nothing was sent and nothing was changed. Send the same request again in a few seconds.", Zh: "门户当前请求过多，本次请求未被处理：未发送任何内容，也未更改任何内容。请几秒后重新发送同一请求。"}},
	{backup.ErrNotSent, http.StatusServiceUnavailable, "not-sent",
		param.Text{En: "Cloud Backup did not accept the request", Zh: "云备份未接受请求"},
		param.Text{En: "This request did not start a backup. You can submit the same form again.", Zh: "本次请求未开始备份。可以再次提交同一表单。"}},
	{backup.ErrStoreUnavailable, http.StatusServiceUnavailable, "store-away",
		param.Text{En: "Backups cannot be recorded at the moment", Zh: "暂时无法记录备份"},
		param.Text{En: "This request did not start a backup. An earlier request with the same form or idempotency key may have started one. Try again in a few minutes: only one backup is created.", Zh: "本次请求未开始备份；使用同一表单或同一幂等键的先前请求可能已开始备份。请几分钟后重试，只会创建一个备份。"}},
}

var (
	notFoundTitle  = param.Text{En: "Page not found", Zh: "找不到页面"}
	notFoundDetail = param.Text{En: "The URL may be wrong, or you are not allowed to view this backup.", Zh: "网址可能有误，或您没有查看该备份的权限。"}
	unreadable     = param.Text{En: "This request could not be read", Zh: "无法读取此请求"}
	unusable       = param.Text{En: "This request could not be processed", Zh: "无法处理此请求"}

	internalFault = fault{nil, http.StatusInternalServerError, "internal",
		param.Text{En: "Internal error", Zh: "门户内部错误"},
		param.Text{En: "Check History before you try again: the backup may have started.", Zh: "重试前请先查看历史记录：备份可能已经开始。"}}
	invalid = fault{nil, http.StatusUnprocessableEntity, "invalid",
		param.Text{En: "There is a problem", Zh: "请更正以下问题"}, param.Text{En: "Nothing was changed.", Zh: "未执行任何操作。"}}
)

// Refusals by the cloud, for programs. They are not errors, because the submission exists. The
// meaning of the cloud's code replaces the detail.
var (
	refusedForOperator = fault{nil, http.StatusBadGateway, "refused", refusedTitle,
		param.Text{En: "Nothing was started, and every request with this key is refused. `cloud` gives the reason: 422 means that you can correct it, 502 that an operator must.", Zh: "未开始备份，此幂等键的结果不再改变。原因见 `cloud`：422 可由您更正，502 须由管理员处理。"}}
	refusedByCaller = fault{nil, http.StatusUnprocessableEntity, "refused", refusedTitle, refusedForOperator.detail}

	refusedTitle = param.Text{En: "Cloud Backup refused the request", Zh: "云备份拒绝了请求"}
)

// tooLong returns the detail for a body of more than most bytes, a multiple of 1 KB.
func tooLong(most int64) param.Text {
	size := fmt.Sprintf("%d KB", most>>10)
	if most >= 1<<20 && most%(1<<20) == 0 {
		size = fmt.Sprintf("%d MB", most>>20)
	}
	text := param.Text{En: "The body is too long: at most %v.", Zh: "内容过长：最多 %v。"}
	return param.Text{En: text.Fill(param.English, size), Zh: text.Fill(param.Chinese, size)}
}

// limited formats text, which has one verb of package fmt, with the number of a limit.
func limited(text param.Text, limit int64) param.Text {
	return param.Text{En: text.Fill(param.English, limit), Zh: text.Fill(param.Chinese, limit)}
}

// faultOf returns the row for err, with a more specific detail for some errors. It returns
// internalFault for an error without a row.
func faultOf(err error) fault {
	if _, ok := errors.AsType[param.InvalidError](err); ok {
		return invalid
	}
	if _, ok := errors.AsType[*param.MalformedError](err); ok {
		return faultOf(errRequest)
	}
	if part, ok := errors.AsType[*unreadableEvent](err); ok {
		f := faultOf(errRequest)
		f.detail = part.what
		return f
	}
	if long, ok := errors.AsType[*http.MaxBytesError](err); ok {
		f := faultOf(errBody)
		f.detail = tooLong(long.Limit)
		return f
	}
	for _, f := range slices.Concat(faults, signInFaults, formFaults) {
		if errors.Is(err, f.err) {
			return f
		}
	}
	return internalFault
}

// page returns a handler that calls h and writes its error as an HTML page.
func (s *Server) page(h handler) http.Handler { return s.report(h, s.writeProblemPage) }

// json returns a handler that calls h and writes its error as application/problem+json.
func (s *Server) json(h handler) http.Handler { return s.report(h, s.writeProblemJSON) }

// A problemWriter writes an error as an answer.
type problemWriter func(http.ResponseWriter, *http.Request, fault, error)

// report returns a handler that runs h and writes its error.
func (s *Server) report(h handler, write problemWriter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err, write)
		}
	})
}

// problem answers a request that reached no handler, in the format that its sender expects.
func (s *Server) problem(w http.ResponseWriter, r *http.Request, err error) {
	write := s.writeProblemPage
	if wantsJSON(r) {
		write = s.writeProblemJSON
	}
	s.fail(w, r, err, write)
}

// fail answers with an error. It logs internal errors and known causes of failed
// authentications, sets the headers for the error, and writes it. No other code reports a
// failure.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error, write problemWriter) {
	f := faultOf(err)
	s.logCause(r, err)
	if f.status == http.StatusInternalServerError {
		s.Log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if f.status == http.StatusUnauthorized {
		challenge := "Bearer" // required by RFC 9110, section 15.5.2
		if errors.Is(err, auth.ErrToken) || errors.Is(err, auth.ErrAlgorithm) {
			challenge += ` error="invalid_token"` // RFC 6750, section 3.1
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	if errors.Is(err, backup.ErrStoreUnavailable) {
		w.Header().Set("Retry-After", "15")
		if r.Context().Err() == nil { // else the request was cancelled by the client
			s.Log.ErrorContext(r.Context(), "store away", "method", r.Method, "path", r.URL.Path, "error", err)
		}
	}
	if errors.Is(err, admission.ErrFull) {
		w.Header().Set("Retry-After", overloadedRetry)
	}
	if errors.Is(err, auth.ErrIssuerUnavailable) {
		w.Header().Set("Retry-After", "5")
	}
	if limit, ok := errors.AsType[*backup.LimitError](err); ok && limit.RetryAfter > 0 {
		w.Header().Set("Retry-After", seconds(limit.RetryAfter))
	}
	if busy, ok := errors.AsType[*backup.BusyError](err); ok && busy.RetryAfter > 0 {
		w.Header().Set("Retry-After", seconds(busy.RetryAfter))
	}
	write(w, r, f, err)
}

// seconds returns d for a header Retry-After: whole seconds, rounded up, at least one.
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}

// writeProblemPage writes err as a page, or redirects to the sign-in.
func (s *Server) writeProblemPage(w http.ResponseWriter, r *http.Request, f fault, err error) {
	if s.redirectToSignIn(w, r, err) {
		return
	}
	l := templates.Language(r.Context())
	p := templates.Problem{
		Shell: s.shell(r), Status: f.status, Title: f.title, Lines: []string{f.detail.In(l)}, RequestID: requestID(r),
	}
	switch {
	case errors.Is(err, errDraftGone):
		p.Link, p.LinkText = "/backups/new", param.Text{En: "New backup", Zh: "新建备份"}
	case errors.Is(err, auth.ErrSignedOut) && s.SignIn == nil && r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, draftsPath):
		p.Link, p.LinkText = draftsPath, param.Text{En: "Back to what you typed", Zh: "返回已填写的内容"}
	case f.status == http.StatusNotFound || f.status == http.StatusInternalServerError:
		p.Link, p.LinkText = "/backups", param.Text{En: "History", Zh: "历史记录"}
	case isSignInError(err), errors.Is(err, auth.ErrSignedOut) && s.SignIn != nil:
		p.Link, p.LinkText = loginPath, signInAgain
	case f.status == http.StatusForbidden:
		p.Link, p.LinkText = "/", param.Text{En: "Your permissions", Zh: "您的权限"}
	}
	if errors.Is(err, errNoKind) {
		for _, contact := range s.Policy.Contacts() {
			p.Lines = append(p.Lines, param.Both("Contact: %v", "请联系：%v").Fill(l, contact))
		}
	}
	busy, isBusy := errors.AsType[*backup.BusyError](err)
	if isBusy {
		p.Link, p.LinkText = pagePath(busy.SubmissionID), param.Text{En: "View that backup", Zh: "查看该备份"}
	}
	if limit, ok := errors.AsType[*backup.LimitError](err); ok {
		p.Lines = append(p.Lines, limitWords(limit, s.Policy, p.Zone, s.Backups.Now()).In(l))
	}
	for _, m := range mistakes(err) {
		p.Lines = append(p.Lines, m.In(l))
	}
	if isBusy && busy.Code != "" {
		why := s.Backups.ExplainJob(busy.Code)
		if _, own := backup.ExplainOwn(busy.Code); !own && !errors.Is(err, backup.ErrCancelRefused) {
			why.Todo = param.Text{} // the row's detail says what to do
		}
		for _, text := range []param.Text{why.Means, backup.CloudServiceOf(busy.Code).Says(busy.Message), why.Todo} {
			if text != (param.Text{}) {
				p.Lines = append(p.Lines, text.In(l))
			}
		}
	}
	if errors.Is(err, admission.ErrFull) {
		offerAgain(&p, r)
	} else {
		s.offerResend(&p, r, err)
	}
	if err := render(w, r, f.status, templates.ProblemPage(p)); err != nil {
		s.Log.ErrorContext(r.Context(), "drawing a problem", "path", r.URL.Path, "error", err)
		http.Error(w, f.title.In(l), f.status)
	}
}

// formPath is the address to which a form sends a submission. The input checked in it says that
// a person has seen the check page.
const formPath = "/backups"

// sendAgain is the text of the button that sends a failed form again.
var sendAgain = param.Text{En: "Send again", Zh: "再次提交"}

// checked is the hidden input that says that a form was posted from the check page.
var checked = templates.Hidden{Name: "at", Value: "check"}

// offerResend adds to the page about a failed form a button that sends it again. It uses the
// same idempotency key if the form may have started a backup, and a new key if the key belongs
// to another submission.
func (s *Server) offerResend(p *templates.Problem, r *http.Request, err error) {
	if r.Method != http.MethodPost || r.PostForm == nil {
		return
	}
	values, _ := posted(r.PostForm)
	_, ok := errors.AsType[*backup.BusyError](err)
	_, limited := errors.AsType[*backup.LimitError](err)
	switch {
	case r.PathValue("DraftId") != "": // the values are in the store
		if ok || limited || errors.Is(err, backup.ErrStoreUnavailable) {
			p.Resend = &templates.Resend{Action: r.URL.Path, Text: sendAgain}
		}
	case r.URL.Path == draftsPath && errors.Is(err, backup.ErrStoreUnavailable):
		offerAgain(p, r)
	case ok && errors.Is(err, backup.ErrKeyReused):
		p.Resend = &templates.Resend{
			Action: formPath,
			Text:   param.Text{En: "Submit as a new backup", Zh: "作为新备份提交"},
			Hidden: append(hidden(values, s.Backups.NewID()), checked),
		}
	case ok, limited, errors.Is(err, backup.ErrStoreUnavailable):
		p.Resend = &templates.Resend{
			Action: formPath,
			Text:   sendAgain,
			Hidden: append(hidden(values, r.PostForm.Get("key")), checked),
		}
	}
}

// mistakes returns the single mistakes or refusals in err, or nil. It limits their number:
// see [param.Bounded].
func mistakes(err error) []param.Mistake { return param.Bounded(allMistakes(err)) }

// allMistakes returns all single mistakes or refusals in err, or nil.
func allMistakes(err error) []param.Mistake {
	if bad, ok := errors.AsType[param.InvalidError](err); ok {
		return bad
	}
	if denied, ok := errors.AsType[*backup.DeniedError](err); ok {
		return denied.Lines
	}
	return nil
}
